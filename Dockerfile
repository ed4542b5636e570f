FROM python:3.12-slim

# mysqlclient is built from source.
RUN apt-get update \
 && apt-get install -y --no-install-recommends default-libmysqlclient-dev gcc pkg-config \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/chronologer
# The image has the driver of a ClickHouse server. chDB, the engine in the process, needs 530 MB more:
# docker build --build-arg LOCK=all .
ARG LOCK=server
COPY requirements requirements
RUN pip install --no-cache-dir --require-hashes --requirement "requirements/$LOCK.txt"
COPY setup.py pyproject.toml README.rst ./
COPY chronologer chronologer
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
COPY envconf.py ./

RUN useradd --system --home-dir /var/lib/chronologer --create-home chronologer
USER chronologer
VOLUME /var/lib/chronologer
EXPOSE 8080

CMD ["python", "-m", "chronologer", "-c", "envconf.py", "-e", "production", "serve"]
