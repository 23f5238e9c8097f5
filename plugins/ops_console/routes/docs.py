"""The API's documentation, with Swagger UI from our own server: FastAPI's own page loads it from elsewhere."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ops_console.pages import render

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """Show the API to try out."""
    return render(request, "docs.html")
