"""The real log-in: Airflow's own dependency, which knows the bearer token and the session cookie."""

from __future__ import annotations

from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.core_api.security import get_user
from airflow.models.connection import Connection
from airflow.utils.session import create_session
from fastapi import HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials
from sqlalchemy import select

from ops_console.login import AirflowUser


class FabLogin:
    """Log-in under the FAB auth manager."""

    async def find_user(self, request: Request, bearer: HTTPAuthorizationCredentials | None) -> AirflowUser | None:
        """Return whose bearer token or session cookie came with the request, None when neither is good."""
        try:
            user = await get_user(request, None, bearer)
        except HTTPException:
            return None
        roles = frozenset(role.name.lower() for role in getattr(user, "roles", ()))
        return AirflowUser(name=user.get_name(), roles=roles)

    def session_token(self, request: Request) -> str | None:
        """Return the token in the session cookie."""
        return request.cookies.get(COOKIE_NAME_JWT_TOKEN)

    def login_address(self, next_path: str) -> str:
        """Return where to log in, to come back to `next_path` afterwards."""
        return f"{get_auth_manager().get_url_login()}?next={quote(next_path, safe='')}"

    def stored_connection_ids(self) -> frozenset[str]:
        """Return the connections that exist in Airflow's own database, which the engine cannot see."""
        with create_session() as session:
            return frozenset(session.scalars(select(Connection.conn_id)))
