"""What routes ask for: the caller, the database, Airflow's log-in.

These are coroutines even where they wait for nothing: FastAPI sends every plain function to another thread, which costs
more than what they do. What asks the database goes there itself.
"""

from __future__ import annotations

import logging
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from include.store import api_keys
from ops_console.callers import Caller, Proof
from ops_console.database import Database
from ops_console.errors import CrossSite, NotAllowed, NotAuthenticated, TooManyAttempts
from ops_console.login import Login
from ops_console.throttle import WINDOW_SECONDS, FailureThrottle

log = logging.getLogger(__name__)

KEY_PREFIX = "pok_"

_bearer = HTTPBearer(
    auto_error=False, description="A customer's API key (`pok_…`), or a token from Airflow's `POST /auth/token`."
)
_key_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="A customer's API key (`pok_…`).")

BearerCredentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _login(request: Request) -> Login:
    login: Login = request.app.state.login
    return login


DatabaseDep = Annotated[Database, Depends(_database)]
LoginDep = Annotated[Login, Depends(_login)]


async def find_caller(
    request: Request,
    bearer: BearerCredentials,
    key_header: Annotated[str | None, Security(_key_header)],
    database: DatabaseDep,
    login: LoginDep,
) -> Caller | None:
    """Return who asks, None when nothing was presented. Raise when what was presented is no good."""
    key = key_header or _key_in(bearer)
    if key is not None:
        return await run_in_threadpool(_caller_of_key, request, database, key)
    user = await login.find_user(request, bearer)
    if user is None:
        if bearer is not None:
            raise NotAuthenticated("the token is not valid (any more)", headers={"WWW-Authenticate": "Bearer"})
        return None
    proof = Proof.BEARER if bearer else Proof.COOKIE
    if proof is Proof.COOKIE and request.method not in ("GET", "HEAD"):
        require_same_origin(request)
    token = bearer.credentials if bearer else login.session_token(request)
    return Caller(name=user.name, proof=proof, roles=user.roles, airflow_token=token)


async def require_caller(caller: Annotated[Caller | None, Depends(find_caller)]) -> Caller:
    """Return who asks. Raise NotAuthenticated when nobody says, NotAllowed when no role lets them in."""
    if caller is None:
        raise NotAuthenticated(
            "send a customer's API key (Authorization: Bearer pok_… or X-API-Key) or an Airflow log-in",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if not caller.may_request:
        raise NotAllowed(f"{caller.name} has none of the roles that the console knows; ask an administrator")
    return caller


async def require_staff(caller: Annotated[Caller, Depends(require_caller)]) -> Caller:
    """Return who asks. Raise NotAllowed for customers and requesters."""
    if not caller.is_staff:
        raise NotAllowed("this takes the role operator, manager, executive, dba or admin")
    return caller


def require_same_origin(request: Request) -> None:
    """Refuse a request that another site's page made the browser send. Raise CrossSite.

    Every current browser says `Sec-Fetch-Site`; an older one at least says `Origin` when it posts.
    """
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None:
        if fetch_site != "same-origin":
            raise CrossSite("a session cookie counts only for requests from the console's own pages")
        return
    origin = urlsplit(request.headers.get("origin", ""))
    if not origin.netloc or origin.netloc != request.headers.get("host"):
        raise CrossSite("a session cookie needs an Origin header of the console itself; programs send a bearer token")


def _key_in(bearer: HTTPAuthorizationCredentials | None) -> str | None:
    if bearer is not None and bearer.credentials.startswith(KEY_PREFIX):
        return bearer.credentials
    return None


def _caller_of_key(request: Request, database: Database, key: str) -> Caller:
    """Look the key up. Failures are logged with the key's public id only, never with the key.

    Only failures are slowed down: the right key always works, so that nobody locks its holder out by guessing. A
    secret of 256 bits needs no lock; what the brake spares is the log.
    """
    throttle: FailureThrottle = request.app.state.throttle
    address = request.client.host if request.client else "unknown"
    key_id = api_keys.key_id_of(key)
    source = f"{address} {key_id}"
    holder = None
    if key_id is not None:
        with database.connection() as conn:
            holder = api_keys.find(conn, key)
    if holder is None:
        if throttle.is_blocked(source):
            retry_after = {"Retry-After": str(WINDOW_SECONDS)}
            raise TooManyAttempts("too many wrong API keys; wait a minute", headers=retry_after)
        throttle.note_failure(source)
        log.warning("refused an API key from %s: key id %s", address, key_id or "(malformed)")
        raise NotAuthenticated("the API key is not valid (any more)", headers={"WWW-Authenticate": "Bearer"})
    return Caller(name=holder.customer_id, proof=Proof.API_KEY)


CallerDep = Annotated[Caller, Depends(require_caller)]
StaffDep = Annotated[Caller, Depends(require_staff)]
OptionalCallerDep = Annotated[Caller | None, Depends(find_caller)]
