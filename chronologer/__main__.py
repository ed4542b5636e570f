"""``python -m chronologer``."""

import sys

from chronologer.cli import main

if __name__ == '__main__':
    sys.exit(main())
