FROM python:3.12-slim

# mysqlclient is built from source.
RUN apt-get update \
 && apt-get install -y --no-install-recommends default-libmysqlclient-dev gcc pkg-config \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/chronologer
COPY setup.py pyproject.toml README.rst ./
COPY chronologer chronologer
RUN pip install --no-cache-dir '.[server,mysql]'
COPY envconf.py ./

RUN useradd --system --home-dir /var/lib/chronologer --create-home chronologer
USER chronologer
VOLUME /var/lib/chronologer
EXPOSE 8080

CMD ["python", "-m", "chronologer", "-c", "envconf.py", "-e", "production", "serve"]
