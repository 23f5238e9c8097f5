"""The console on a real `ops` database, with a log-in that needs no Airflow."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import Request
from fastapi.security import HTTPAuthorizationCredentials
from starlette.testclient import TestClient

from include.store import api_keys
from ops_console.app import create_console
from ops_console.database import Database as ConsoleDatabase
from ops_console.login import AirflowUser
from tests.support.databases import Database

STARTS_AT = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


@dataclass
class TestLogin:
    """Tokens are user names; people have the roles that their names say."""

    __test__ = False
    stored: frozenset[str] = frozenset()
    roles: dict[str, set[str]] = field(
        default_factory=lambda: {
            "admin": {"admin"},
            "operator1": {"operator"},
            "requester1": {"requester"},
            "requester2": {"requester"},
            "visitor": {"public"},
        }
    )

    async def find_user(self, request: Request, bearer: HTTPAuthorizationCredentials | None) -> AirflowUser | None:
        name = bearer.credentials if bearer else request.cookies.get("_token")
        return AirflowUser(name=name, roles=frozenset(self.roles[name])) if name in self.roles else None

    def session_token(self, request: Request) -> str | None:
        return request.cookies.get("_token")

    def login_address(self, next_path: str) -> str:
        return f"/auth/login/?next={next_path}"

    def stored_connection_ids(self) -> frozenset[str]:
        return self.stored


@pytest.fixture
def login() -> TestLogin:
    """Whom Airflow knows."""
    return TestLogin()


@pytest.fixture
def console(ops_db: Database, login: TestLogin) -> Iterator[TestClient]:
    """The console with the rights that it has in the api-server."""
    database = ConsoleDatabase(ops_db.dsn("ops_console"))
    with TestClient(create_console(login=login, database=database), follow_redirects=False) as client:
        yield client


def issue_key(ops_db: Database, customer_id: str) -> str:
    """Issue a key to a customer as the command line does."""
    with ops_db.connect("ops_migrator") as conn:
        issued = api_keys.issue(
            conn,
            customer_id=customer_id,
            name=customer_id.title(),
            email=f"{customer_id}@example.com",
            note="",
            actor="os:tester",
        )
    return issued.key


@pytest.fixture
def key(ops_db: Database) -> str:
    """The API key of the customer `acme`."""
    return issue_key(ops_db, "acme")


@pytest.fixture
def with_key(key: str) -> dict[str, str]:
    """Headers of a customer's program."""
    return {"Authorization": f"Bearer {key}"}


AS_OPERATOR = {"Authorization": "Bearer operator1"}

_BODY: dict[str, Any] = {
    "request_id": "req-1",
    "customer": {"name": "김하늘", "email": "haneul@example.com", "phone": "+821012345678", "language": "ko"},
    "event": {
        "name": "Spring Summit",
        "venue": "COEX Hall B",
        "starts_at": STARTS_AT.isoformat(),
        "ends_at": (STARTS_AT + timedelta(hours=6)).isoformat(),
        "expected_attendees": 80,
        "gates": 2,
    },
}


def request_body(request_id: str = "req-1", **event: Any) -> dict[str, Any]:
    """Return a good request; keyword arguments change its event."""
    body = copy.deepcopy(_BODY)
    body["request_id"] = request_id
    body["event"] |= event
    return body
