# Two stages: the first builds an environment from the lock, by hash; the second is that environment and nothing else.
# The image brings no database: give it DATABASE_URL, and DATABASE_OWNER_URL to migrate. compose.yaml shows how.

FROM python:3.13-slim-trixie AS build
ENV PATH="/opt/miles/bin:$PATH" \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/miles
COPY requirements-stripe.lock requirements-s3.lock ./
RUN pip install --require-hashes --requirement requirements-stripe.lock --requirement requirements-s3.lock
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY app app
RUN pip install --no-deps .

FROM python:3.13-slim-trixie
RUN groupadd --gid 1000 miles \
    && useradd --uid 1000 --gid miles --no-create-home --home-dir /var/lib/miles --shell /usr/sbin/nologin miles \
    && install --directory --owner miles --group miles --mode 0700 /var/lib/miles
COPY --from=build /opt/miles /opt/miles
ENV PATH="/opt/miles/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    MILES_HOME=/var/lib/miles
WORKDIR /var/lib/miles
USER 1000:1000
EXPOSE 8000
# Alive, not ready: a server whose database is away for a while is not made better by a restart.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=2)"]
CMD ["miles", "serve"]
