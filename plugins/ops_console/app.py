"""The console's application. Everything it needs from outside is handed in, so that tests need no Airflow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI, Request
from fastapi.staticfiles import StaticFiles

from ops_console.database import Database
from ops_console.errors import ConsoleError
from ops_console.handlers import install_handlers
from ops_console.headers import SecurityHeaders
from ops_console.login import Login
from ops_console.routes import docs, events_api, figures_api, operator_pages, public_pages
from ops_console.throttle import FailureThrottle

STATIC = Path(__file__).parent / "static"


async def refuse_nul(request: Request) -> None:
    """Refuse an address with a NUL character: PostgreSQL cannot even be asked about such a text."""
    if "\0" in request.url.path or "%00" in str(request.url):
        raise ConsoleError("the address holds a NUL character")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.database.close()


def create_console(*, login: Login, database: Database | None = None) -> FastAPI:
    """Return the console; `database` defaults to the connection `ops_db` of the environment, opened when needed."""
    app = FastAPI(
        title="Events API",
        version="1",
        description="Ask for events and follow them. Authenticate with a customer's API key or an Airflow log-in.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        dependencies=[Depends(refuse_nul)],
    )
    app.state.login = login
    app.state.database = database or Database()
    app.state.throttle = FailureThrottle()
    app.add_middleware(SecurityHeaders)
    install_handlers(app)
    for module in (events_api, figures_api, operator_pages, public_pages, docs):
        app.include_router(module.router)
    app.mount("/static/swagger", StaticFiles(packages=[("fastapi_offline", "static")]), name="swagger")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
