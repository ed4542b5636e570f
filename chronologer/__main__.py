"""``python -m chronologer``."""

import os
import sys

from chronologer.cli import main

PRIVATE = 0o077  # nobody else may read new files: they have records, and the secret of sessions

if __name__ == '__main__':
    os.umask(os.umask(0) | PRIVATE)
    sys.exit(main())
