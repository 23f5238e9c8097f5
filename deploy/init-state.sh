#!/usr/bin/env bash
# What the state cluster needs before anything starts. Every step can be run again.
set -euo pipefail

python -m include.store bootstrap
python -m include.store migrate
python -m stack.airflow_setup
psql "${OPS_ADMIN_DSN%/*}/ops" --quiet --no-psqlrc --set ON_ERROR_STOP=1 \
    --set password="$PG_EXPORTER_PASSWORD" --file deploy/exporter-role.sql
python -m deploy.render_config "${CONFIG_DIRECTORY:-/etc/platform-ops}"
