"""`/api/kpis`: how well provisioning does, measured from its history."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from include.common.clock import utc_now
from include.events import kpis
from include.settings import get_settings
from ops_console.dependencies import DatabaseDep, require_staff
from ops_console.views import ErrorView, FiguresView, kpis_view

router = APIRouter(prefix="/api", tags=["figures"])


@router.get(
    "/kpis",
    summary="Measure provisioning",
    dependencies=[Depends(require_staff)],
    responses={code: {"model": ErrorView} for code in (400, 401, 403, 422, 429, 503)},
)
def show_kpis(
    database: DatabaseDep,
    days: Annotated[int, Query(ge=1, le=366, description="How far back to look.")] = 30,
    period: Annotated[Literal["day", "week", "month"], Query(description="What the history is grouped by.")] = "day",
) -> FiguresView:
    """Return the figures of the last days, as a whole and by period. A rate of nothing is null: no data is not 0."""
    settings = get_settings()
    until = utc_now()
    since = until - timedelta(days=days)
    minutes = settings.manual_minutes_per_event
    with database.connection() as conn:
        total = kpis.measure(conn, since=since, until=until, manual_minutes_per_event=minutes)
        history = kpis.by_period(
            conn,
            period=period,
            since=since,
            until=until,
            manual_minutes_per_event=minutes,
            timezone=settings.timezone,
        )
    return FiguresView(total=kpis_view(total), periods=[kpis_view(one) for one in history])
