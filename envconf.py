"""
A configuration for a deployment: ``python -m chronologer -c envconf.py -e production …``.

Each setting is read from its environment variable (README.rst lists them). ``production`` differs
in its defaults: it listens on all addresses and keeps records under /var/lib. It can read the
password from a file, as container platforms provide secrets.
"""

from os import environ
from pathlib import Path

from chronologer.settings import read_environment

development = read_environment(environ)

production = read_environment(
    environ, host='0.0.0.0', storage_dsn='sqlite:////var/lib/chronologer/chronologer.sqlite'
)
secret = Path(environ.get('CHRONOLOGER_PASSWORD_FILE', '/run/secrets/chronologer_password'))
if secret.exists():
    production['password'] = secret.read_text().strip()
