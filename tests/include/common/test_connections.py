"""Connections from the environment, in both of Airflow's forms."""

import json

import pytest
from psycopg.conninfo import conninfo_to_dict

from include.common.connections import connection_from_env, find_connection, parse_connection
from include.common.errors import ConnectionNotConfigured, InvalidConnection


def test_a_uri_gives_every_part() -> None:
    info = parse_connection(
        "postgresql://ops_tasks:p%40ss%2Fword@127.0.0.1:15432/ops?sslmode=require&connect_timeout=5"
    )

    assert (info.conn_type, info.host, info.port) == ("postgres", "127.0.0.1", 15432)
    assert (info.login, info.password, info.schema) == ("ops_tasks", "p@ss/word", "ops")
    assert info.extra == {"sslmode": "require", "connect_timeout": "5"}


def test_a_host_with_a_protocol_and_a_path_is_kept() -> None:
    by_uri = parse_connection(
        "http://AC1:token@http%3A%2F%2F127.0.0.1%3A18100%2Ftwilio/?__extra__=%7B%22from%22%3A+%22%2B1500%22%7D"
    )
    by_json = parse_connection(json.dumps({"conn_type": "http", "host": "http://127.0.0.1:18100/twilio"}))

    assert by_json.http_url() == "http://127.0.0.1:18100/twilio"
    assert by_uri.extra == {"from": "+1500"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://127.0.0.1:19090", "http://127.0.0.1:19090"),
        ("http://https://prometheus.example:443/", "https://prometheus.example:443"),
        ("http://prometheus.example/https", "https://prometheus.example"),
        ('{"conn_type": "http", "host": "localhost", "port": "19090"}', "http://localhost:19090"),
    ],
)
def test_the_http_address_follows_the_http_hook(text: str, address: str) -> None:
    assert parse_connection(text).http_url() == address


def test_the_dsn_survives_any_password_and_drops_what_libpq_does_not_know() -> None:
    password = 'it\'s \\ "quoted" = &'
    text = json.dumps(
        {
            "conn_type": "postgres",
            "host": "db",
            "login": "ops_tasks",
            "password": password,
            "schema": "ops",
            "extra": {"sslmode": "verify-full", "cursor": "dictcursor"},
        }
    )

    dsn = conninfo_to_dict(parse_connection(text).postgres_dsn(dbname="other"))

    assert dsn == {"host": "db", "user": "ops_tasks", "password": password, "dbname": "other", "sslmode": "verify-full"}


def test_the_password_is_not_in_the_repr() -> None:
    assert "s3cret" not in repr(parse_connection("postgres://u:s3cret@h/db?token=s3cret"))


def test_a_missing_connection_is_off_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert find_connection("sms_default", {}) is None
    assert "sms_default is off" in caplog.text

    with pytest.raises(ConnectionNotConfigured, match="AIRFLOW_CONN_SMS_DEFAULT"):
        connection_from_env("sms_default", {})


@pytest.mark.parametrize(
    "text", ["s3cret", "{s3cret", "http://u:s3cret@h:port/", "a://b://c://s3cret", '{"extra": "[1]"}']
)
def test_an_unreadable_connection_is_named_without_its_value(text: str) -> None:
    with pytest.raises(InvalidConnection, match="AIRFLOW_CONN_OPS_DB") as caught:
        connection_from_env("ops_db", {"AIRFLOW_CONN_OPS_DB": text})

    assert "s3cret" not in str(caught.value)
