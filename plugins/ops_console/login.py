"""What the console needs of Airflow: who is logged in, where to log in, and which connections Airflow alone knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fastapi import Request
from fastapi.security import HTTPAuthorizationCredentials


@dataclass(frozen=True, kw_only=True)
class AirflowUser:
    """A person (or service account) that Airflow vouches for. Roles are lower-cased."""

    name: str
    roles: frozenset[str]


class Login(Protocol):
    """Airflow's log-in as the console sees it; tests bring their own."""

    async def find_user(self, request: Request, bearer: HTTPAuthorizationCredentials | None) -> AirflowUser | None:
        """Return whose bearer token or session cookie came with the request, None when neither is good."""

    def session_token(self, request: Request) -> str | None:
        """Return the token in the session cookie."""

    def login_address(self, next_path: str) -> str:
        """Return where to log in, to come back to `next_path` afterwards."""

    def stored_connection_ids(self) -> frozenset[str]:
        """Return the connections that exist in Airflow's own database, which the engine cannot see."""
