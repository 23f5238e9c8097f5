"""Ten thousand bad requests: each gets a documented answer that says what is wrong, none a 500, none an event."""

import asyncio
import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops_console.app import create_console
from ops_console.database import Database as ConsoleDatabase
from tests.plugins.ops_console.conftest import TestLogin, request_body
from tests.support.databases import Database

EXAMPLES = 10_000

# One path of every field, the objects themselves and the body as a whole.
PATHS = [
    (),
    ("request_id",),
    ("not_duplicate_of",),
    ("customer",),
    *(("customer", name) for name in ("name", "email", "phone", "language")),
    ("event",),
    *(("event", name) for name in ("name", "venue", "starts_at", "ends_at", "expected_attendees", "gates")),
    *(("event", name) for name in ("type", "notes")),
]
HOSTILE_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\0",
        "a\0b",
        "\ud800",
        "\u202eevil",
        "x" * 5_000,
        "'; DROP TABLE ops.event_requests; --",
        "<script>",
        "{{7*7}}",
        "%s%n",
        "../../etc/passwd",
        "2026-99-99T00:00:00+09:00",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2030-01-01T00:00:00",
        "+82",
        "a@b",
        "\r\nBcc: x@example.com",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**400])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=()), max_size=40)
    | HOSTILE_TEXTS
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _changed(body: Any, path: tuple[str, ...], value: Any, how: str) -> Any:
    """Return the body with one place replaced, taken away or given something unknown."""
    if not path:
        return value
    parent = body
    for name in path[:-1]:
        parent = parent.get(name, {}) if isinstance(parent, dict) else {}
    if not isinstance(parent, dict):
        return body
    if how == "remove":
        parent.pop(path[-1], None)
    else:
        parent["unknown" if how == "unknown" else path[-1]] = value
    return body


CHANGES = st.lists(
    st.tuples(st.sampled_from(PATHS), JSON, st.sampled_from(["replace", "replace", "remove", "unknown"])),
    min_size=1,
    max_size=4,
)


def _changed_body(changes: list[tuple[tuple[str, ...], Any, str]]) -> bytes:
    body: Any = copy.deepcopy(request_body())
    for path, value, how in changes:
        body = _changed(body, path, value, how)
    return json.dumps(body).encode()


GOOD = json.dumps(request_body()).encode()
BODIES = (
    CHANGES.map(_changed_body)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=200)
    # A good request that was cut off or in which one byte was changed.
    | st.integers(0, len(GOOD) - 1).map(lambda at: GOOD[:at])
    | st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=1)).map(
        lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] + 1 :]
    )
)


class Sender:
    """Sends to the console in this process, with nothing in between that could mend or refuse a request."""

    def __init__(self, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self._runner = runner
        self._client = client

    def post(self, content: bytes) -> httpx.Response:
        headers = {"Authorization": "Bearer operator1", "Content-Type": "application/json"}
        return self._runner.run(self._client.post("/api/events", content=content, headers=headers))


@pytest.fixture
def sender(ops_db: Database) -> Iterator[Sender]:
    """A sender to a console of its own."""
    database = ConsoleDatabase(ops_db.dsn("ops_console"))
    app = create_console(login=TestLogin(), database=database)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(transport=transport, base_url="http://console")
        yield Sender(runner, client)
        runner.run(client.aclose())
    database.close()


def documented(sender: Sender) -> set[int]:
    """Return the answers that OpenAPI names."""
    app = create_console(login=TestLogin())
    return {int(code) for code in app.openapi()["paths"]["/api/events"]["post"]["responses"]}


def test_ten_thousand_bad_requests(sender: Sender) -> None:
    answers = documented(sender)
    seen: dict[int, int] = {}

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(content=BODIES)
    def send(content: bytes) -> None:
        answer = sender.post(content)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        assert answer.status_code in answers
        if answer.status_code == 202:
            return
        detail = answer.json()["detail"]
        assert detail["message"]
        assert detail["code"]
        assert (answer.status_code == 422) == bool(detail["faults"])

    send()

    assert sum(seen.values()) >= EXAMPLES
    assert {400, 422} <= seen.keys()
