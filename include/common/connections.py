"""Airflow connections read from `AIRFLOW_CONN_*` without Airflow.

The engine, the command line and the console must see the same services as the tasks do. Both of Airflow's forms are
read: the URI (`postgres://user:pw@host:5432/ops`, a protocol in the host included: `http://https://host`) and the JSON
object. The rules are those of `airflow.sdk.Connection.from_uri` and `from_json` of 3.3.2, which tasks see (a value
in a URI's query stays text), and an integration test compares the two.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from psycopg.conninfo import make_conninfo

from include.common.errors import ConnectionNotConfigured, InvalidConnection

log = logging.getLogger(__name__)

EXTRA_KEY = "__extra__"
# The extras of a Postgres connection that libpq understands; the others are Airflow's own (cursor, iam, ...).
LIBPQ_EXTRAS = frozenset(
    {"application_name", "channel_binding", "connect_timeout", "gssencmode", "keepalives", "keepalives_count"}
    | {"keepalives_idle", "keepalives_interval", "options", "sslcert", "sslcrl", "sslkey", "sslmode", "sslrootcert"}
    | {"target_session_attrs", "tcp_user_timeout"}
)


@dataclass(frozen=True, kw_only=True)
class ConnectionInfo:
    """Where a service is and how to log in. The password stays out of `repr`."""

    conn_type: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def postgres_dsn(self, **overrides: str | int) -> str:
        """Return a libpq connection string; keyword arguments (`dbname`, `user`, ...) win over the connection's own."""
        parameters: dict[str, Any] = {key: value for key, value in self.extra.items() if key in LIBPQ_EXTRAS}
        named = {
            "host": self.host,
            "port": self.port,
            "user": self.login,
            "password": self.password,
            "dbname": self.schema,
        }
        parameters |= {key: value for key, value in named.items() if value}
        return make_conninfo("", **(parameters | overrides))

    def http_url(self) -> str:
        """Return the base address without a trailing slash, by the rules of Airflow's `HttpHook`."""
        address = self.host if "://" in self.host else f"{self.schema or 'http'}://{self.host}"
        if self.port:
            address = f"{address}:{self.port}"
        return address.rstrip("/")


def variable_of(conn_id: str) -> str:
    """Return the name of the environment variable that Airflow reads for this connection."""
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def connection_from_env(conn_id: str, environ: Mapping[str, str] | None = None) -> ConnectionInfo:
    """Read a connection from the environment.

    Raises ConnectionNotConfigured when there is none, InvalidConnection when it cannot be read.
    """
    variable = variable_of(conn_id)
    text = (os.environ if environ is None else environ).get(variable, "").strip()
    if not text:
        raise ConnectionNotConfigured(conn_id, variable)
    try:
        return parse_connection(text)
    except (TypeError, ValueError) as error:
        # `from None`: the parser's own message can quote the value, and with it the password.
        raise InvalidConnection(f"{variable} cannot be read ({type(error).__name__}); expected a URI or JSON") from None


def find_connection(conn_id: str, environ: Mapping[str, str] | None = None) -> ConnectionInfo | None:
    """Read a connection that may be missing: None means that the service is off, which the log says."""
    try:
        return connection_from_env(conn_id, environ)
    except ConnectionNotConfigured as absent:
        log.info("%s is off: %s is not set", absent.conn_id, absent.variable)
        return None


def parse_connection(text: str) -> ConnectionInfo:
    """Read a connection in Airflow's URI or JSON form. Raises ValueError or TypeError when it is neither."""
    return _from_json(text) if text.startswith("{") else _from_uri(text)


def _normalised_type(conn_type: str) -> str:
    return "postgres" if conn_type == "postgresql" else conn_type.replace("-", "_")


def _from_json(text: str) -> ConnectionInfo:
    values = json.loads(text)
    extra = values.get("extra") or {}
    return ConnectionInfo(
        conn_type=_normalised_type(values.get("conn_type") or ""),
        host=values.get("host") or "",
        port=int(values["port"]) if values.get("port") else None,
        login=values.get("login") or "",
        password=values.get("password") or "",
        schema=values.get("schema") or "",
        extra=_json_object(extra) if isinstance(extra, str) else extra,
    )


def _from_uri(text: str) -> ConnectionInfo:
    scheme, separator, rest = text.partition("://")
    if not separator or not scheme:
        raise ValueError("no scheme")
    protocol = ""
    if "://" in rest:
        protocol, _, rest = rest.partition("://")
        if "@" in protocol or ":" in protocol or "://" in rest:
            raise ValueError("more than one protocol")
    parts = urlsplit(f"//{rest}")
    host = _hostname(parts)
    return ConnectionInfo(
        conn_type=_normalised_type(scheme.lower()),
        host=f"{protocol}://{host}" if protocol and host else host,
        port=parts.port,
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        schema=unquote(parts.path[1:]),
        extra=_query_extra(parts.query),
    )


def _hostname(parts: SplitResult) -> str:
    """Return the host part; one that is a quoted path (a socket folder, a full URL) keeps its case."""
    host = unquote(parts.hostname or "")
    if "/" not in host:
        return host
    return unquote(parts.netloc.rpartition("@")[2].split(":", 1)[0])


def _query_extra(query: str) -> Mapping[str, Any]:
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    if EXTRA_KEY in pairs:
        return _json_object(pairs[EXTRA_KEY])
    return pairs


def _json_object(text: str) -> Mapping[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError("extra is no JSON object")
    return value
