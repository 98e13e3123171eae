# One image, several commands: deepsentry worker sanitize | score | alert | index | train, topics create, api.
# It was written without a container engine at hand and has not been built yet: see docs/compose.md.
# Pin the base by digest before you run it in earnest: --build-arg BASE=python:3.11-slim@sha256:...
ARG BASE=python:3.11-slim

FROM ${BASE} AS dependencies
COPY requirements.lock /
# Only wheels that the lock names by hash; nothing is compiled, so the image needs no compiler.
RUN python -m venv /opt/deepsentry \
    && /opt/deepsentry/bin/pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r /requirements.lock

FROM ${BASE}
# A fixed id, so that volumes and secret files can be given to it.
RUN groupadd --gid 10001 deepsentry \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin deepsentry \
    && install -d -o deepsentry -g deepsentry /var/lib/deepsentry /var/lib/deepsentry/registry \
    && install -d -m 700 -o deepsentry -g deepsentry /var/lib/deepsentry/keys
COPY --from=dependencies /opt/deepsentry /opt/deepsentry
COPY deepsentry /app/deepsentry
COPY aggregator /app/aggregator
COPY api /app/api
COPY models /app/models
COPY streams /app/streams
ENV PATH=/opt/deepsentry/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/deepsentry
USER 10001:10001
ENTRYPOINT ["python", "-m", "deepsentry"]
CMD ["--help"]
