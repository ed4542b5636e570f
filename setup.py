"""The client needs nothing but the standard library; what the server needs is in extras."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
SERVER = [
    'backports.zstd >= 1.0; python_version < "3.14"',
    'cherrypy >= 18.10',
    'granian >= 2.8',
    'numpy >= 2.0',
    'orjson >= 3.10',
    'python-dateutil >= 2.9',
    'pytz >= 2024.1',
    'tqdm >= 4.66',
    'uvloop >= 0.21',
    'yoyo-migrations >= 9.0',
]
MYSQL = ['cryptography', 'mysqlclient >= 2.2', 'pymysql >= 1.1']
CLICKHOUSE = ['chdb >= 4.4', 'clickhouse-connect >= 1.12']
TEST = [
    'celery >= 5.4',
    'django >= 4.2',
    'fastapi >= 0.110',
    'flask >= 3.0',
    'gunicorn >= 22',
    'hypothesis >= 6.100',
    'loguru >= 0.7',
    'mypy == 1.14.1',  # the last that checks code for Python 3.8
    'playwright >= 1.50',
    'pytest >= 8',
    'ruff >= 0.9',
    'structlog >= 25.1',  # render_to_log_args_and_kwargs
    'types-python-dateutil',
    'types-pytz',
    'uvicorn >= 0.29',
    'webtest >= 3',
]

setup(
    name='chronologer',
    version=re.search(r"__version__ = '(.+)'", (HERE / 'chronologer/__init__.py').read_text())[1],
    description='Log server at the other end of logging.handlers.HTTPHandler',
    long_description=(HERE / 'README.rst').read_text(),
    long_description_content_type='text/x-rst',
    license='GPL-3.0',
    packages=find_packages(include=['chronologer', 'chronologer.*']),
    package_data={'chronologer': ['migration/*/*.py', 'static/*']},
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
