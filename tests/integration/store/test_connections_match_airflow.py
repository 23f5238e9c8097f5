"""Our reader of `AIRFLOW_CONN_*` against Airflow's own, which is the oracle."""

import json

import pytest
from airflow.sdk import Connection

from include.common.connections import parse_connection

TEXTS = [
    "postgres://ops_tasks:p%40ss%2Fw%3Aord@127.0.0.1:15432/ops",
    "postgresql://u:p@h/db?sslmode=require&connect_timeout=5&flag=true",
    "postgres://u:p@%2Fvar%2Frun%2Fpostgresql/db",
    "http://prometheus.example:9090",
    "http://https://h.example:8443/",
    "http://AC1:t@h/https?__extra__=%7B%22from%22%3A%20%22%2B1500%22%7D",
    "slack://:token@/?base_url=http%3A%2F%2F127.0.0.1%3A18100%2Fslack%2Fapi%2F",
    "kubernetes://?__extra__=%7B%22kube_config%22%3A%20%22%7B%7D%22%7D",
    "smtp://127.0.0.1:11025/?disable_ssl=true&disable_tls=true&from_email=ops%40example.com",
    "google-cloud-platform://",
    json.dumps({"conn_type": "http", "host": "http://127.0.0.1:18100/twilio", "login": "AC1", "password": "p/:@"}),
    json.dumps({"conn_type": "postgresql", "host": "h", "port": "5432", "schema": "ops", "extra": '{"a": 1}'}),
    json.dumps({"conn_type": "kubernetes", "extra": {"kube_config": {"clusters": []}}}),
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_part_is_what_airflow_reads(text: str) -> None:
    if text.startswith("{"):
        theirs = Connection.from_json(text, conn_id="one")
    else:
        theirs = Connection.from_uri(text, conn_id="one")

    ours = parse_connection(text)

    assert ours.conn_type == theirs.conn_type
    assert (ours.host, ours.port, ours.schema) == (theirs.host or "", theirs.port, theirs.schema or "")
    assert (ours.login, ours.password) == (theirs.login or "", theirs.password or "")
    assert ours.extra == theirs.extra_dejson
