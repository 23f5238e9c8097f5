#!/usr/bin/env bash
# Plays the DBA of the events platform: its schema, its demo data, what it grants us. Every step can be run again.
set -euo pipefail

python -m sandbox.platform_db install --dsn "$PLATFORM_ADMIN_DSN"
python -m sandbox.platform_db seed --dsn "$PLATFORM_ADMIN_DSN" --rows "$SEED_ROWS" --seed "$SEED"
python -m include.events.platform_grants install --dsn "$PLATFORM_ADMIN_DSN"
psql "$PLATFORM_ADMIN_DSN" --quiet --no-psqlrc --set ON_ERROR_STOP=1 \
    --set password="$PG_EXPORTER_PASSWORD" --file deploy/exporter-role.sql
