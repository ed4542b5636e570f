"""
Default configuration, by environment.

`chronologer.settings` has the table of settings. Each can be set by its environment variable. A
module given by ``-c`` replaces this one; the ``envconf.py`` of the source distribution is a start.
"""

from os import environ

from chronologer.settings import read_environment

development = read_environment(environ)
production = read_environment(environ, host='0.0.0.0')
test_suite = read_environment(environ, storage_dsn='sqlite:///chronologer-test.sqlite')
