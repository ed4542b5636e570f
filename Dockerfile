FROM python:3.12-slim

# mysqlclient is built from source.
RUN apt-get update \
 && apt-get install -y --no-install-recommends default-libmysqlclient-dev gcc pkg-config \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/chronologer
COPY setup.py pyproject.toml README.rst ./
COPY chronologer chronologer
# Of ClickHouse the driver alone; chDB, the engine in the process, takes 530 MB:
# docker build --build-arg EXTRAS=server,mysql,clickhouse .
ARG EXTRAS=server,mysql
RUN pip install --no-cache-dir ".[$EXTRAS]" clickhouse-connect
COPY envconf.py ./

RUN useradd --system --home-dir /var/lib/chronologer --create-home chronologer
USER chronologer
VOLUME /var/lib/chronologer
EXPOSE 8080

CMD ["python", "-m", "chronologer", "-c", "envconf.py", "-e", "production", "serve"]
