# syntax=docker/dockerfile:1
#
# Two images: `runtime` (Airflow and the engine) and `sandbox` (what plays the outside services).
# No version is named here twice: Python packages come from requirements.lock, Debian packages from packages.txt.
# User 50000, group 0 and /opt/airflow are what Airflow's official chart expects.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS python-packages
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_CACHE_DIR=/var/cache/uv
RUN python -m venv /opt/venv && python -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir uv==0.13.8
WORKDIR /build
COPY requirements.txt requirements.lock ./
# The lock as constraints: exact versions, hashes checked, test tools left out.
RUN --mount=type=cache,target=/var/cache/uv \
    /opt/uv/bin/uv pip install --python /opt/venv/bin/python -r requirements.txt -c requirements.lock

FROM python-packages AS sandbox-packages
COPY requirements-dev.txt ./
RUN --mount=type=cache,target=/var/cache/uv \
    /opt/uv/bin/uv pip install --python /opt/venv/bin/python -r requirements-dev.txt -c requirements.lock

FROM ${PYTHON_IMAGE} AS base
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
COPY packages.txt /build/packages.txt
# The section [image] of packages.txt.
RUN apt-get update \
    && awk '/^# \[/ {wanted = /\[image\]/} wanted && /^[a-z]/' /build/packages.txt \
    | xargs apt-get install --yes --no-install-recommends \
    && rm -rf /var/lib/apt/lists/* /build
RUN useradd --uid 50000 --gid 0 --home-dir /opt/airflow --create-home --shell /usr/sbin/nologin airflow \
    && install -d -o 50000 -g 0 -m 0775 /var/log/airflow \
    && install -d -o 50000 -g 0 -m 0775 /var/lib/platform-ops /var/lib/platform-ops/archive \
        /var/lib/platform-ops/ledger-anchors /var/lib/platform-ops/sandbox \
        /var/lib/platform-ops/events /var/lib/platform-ops/events/targets /var/lib/platform-ops/events/rules \
        /etc/platform-ops /etc/platform-ops/prometheus /etc/platform-ops/alertmanager
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/platform-ops:/opt/platform-ops/plugins \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8 \
    MALLOC_ARENA_MAX=2 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/platform-ops/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/platform-ops/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False
WORKDIR /opt/platform-ops
# Owned by root: no process of ours can change the code that it runs.
COPY LICENSE packages.txt requirements.lock ./
COPY config config
COPY deploy deploy
COPY stack stack
COPY include include
COPY plugins plugins
COPY dags dags
USER 50000:0
CMD ["airflow", "version"]

FROM base AS sandbox
COPY --from=sandbox-packages /opt/venv /opt/venv
COPY sandbox sandbox
CMD ["python", "-m", "sandbox"]

FROM base AS runtime
COPY --from=python-packages /opt/venv /opt/venv
