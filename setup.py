"""The client needs nothing but the standard library; what the server needs is in extras."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
# Tests and the image are installed with the releases in requirements/, which `make lock` writes.
SERVER = [
    'backports.zstd >= 1.0, < 2; python_version < "3.14"',
    'cherrypy >= 18.10, < 19',
    'granian >= 2.8, < 3',
    'msgspec >= 0.19, < 1',
    'numpy >= 2.0, < 3',
    'orjson >= 3.10, < 4',
    'python-dateutil >= 2.9, < 3',
    'pytz >= 2024.1',
    'sqlalchemy >= 2.0.44, < 3',
    'tqdm >= 4.66, < 5',
    'uvloop >= 0.21, < 1',
    'yoyo-migrations >= 9.0, < 10',
]
MYSQL = ['cryptography >= 42', 'mysqlclient >= 2.2, < 3', 'pymysql >= 1.1, < 2']
CLICKHOUSE = ['chdb >= 4.4, < 5', 'clickhouse-connect >= 1.12, < 2']
TEST = [
    'celery >= 5.4, < 6',
    'django >= 4.2, < 7',
    'fastapi >= 0.110, < 1',
    'flask >= 3.0, < 4',
    'gunicorn >= 22',
    'hypothesis >= 6.100, < 7',
    'loguru >= 0.7, < 1',
    'mypy == 1.14.1',  # the last that checks code for Python 3.8
    'packaging >= 24',
    'playwright >= 1.50, < 2',
    'pytest >= 9.0, < 9.2',  # 9.2 ignores the groups of pytest-xdist 3.8, its issue 1386
    'pytest-xdist >= 3.6, < 4',
    'ruff >= 0.9, < 1',
    'structlog >= 25.1',  # render_to_log_args_and_kwargs
    'types-python-dateutil >= 2.9',
    'types-pytz >= 2024.1',
    'uvicorn >= 0.29, < 1',
    'webtest >= 3, < 4',
]

setup(
    name='chronologer',
    version=re.search(r"__version__ = '(.+)'", (HERE / 'chronologer/__init__.py').read_text())[1],
    description='Log server at the other end of logging.handlers.HTTPHandler',
    long_description=(HERE / 'README.rst').read_text(),
    long_description_content_type='text/x-rst',
    license='GPL-3.0',
    packages=find_packages(include=['chronologer', 'chronologer.*']),
    package_data={'chronologer': ['migration/**/*.py', 'static/**/*']},
    python_requires='>=3.8',  # the client; the server needs 3.10
    install_requires=[],
    extras_require={
        'server': SERVER,
        'mysql': MYSQL,
        'clickhouse': CLICKHOUSE,
        'all': SERVER + MYSQL + CLICKHOUSE,
        'test': TEST,
    },
    classifiers=[
        'Development Status :: 4 - Beta',
        'Environment :: Web Environment',
        'Framework :: CherryPy',
        'Intended Audience :: Developers',
        'License :: OSI Approved :: GNU General Public License v3 (GPLv3)',
        'Programming Language :: Python :: 3',
        'Topic :: System :: Logging',
    ],
)
