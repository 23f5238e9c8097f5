"""The four requests of the demo: one per tier, and one with seven faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")
OPENING_HOUR = 14
DURATION = timedelta(hours=5)
FIRST_DAY_AHEAD = 30
CUSTOMER = {
    "name": "한빛공연기획",
    "email": "minji.kim@hanbit-live.example",
    "phone": "+821048210932",
    "language": "ko",
}
ENGLISH_CUSTOMER = {
    "name": "Harbour Lights Ltd",
    "email": "olivia.reed@harbourlights.example",
    "phone": "+821055310164",
    "language": "en",
}
FAULTS_IN_BAD_REQUEST = 7


@dataclass(frozen=True)
class DemoRequest:
    """One submission and what must become of it.

    `approver` is the user who answers (None: nobody is asked), `faults` how many faults the one answer must name.
    """

    title: str
    body: dict[str, Any]
    tier: str | None = None
    approver: str | None = None
    faults: int = 0


def demo_requests(*, now: datetime, run: str, earlier_runs: int) -> list[DemoRequest]:
    """Return the demo's submissions.

    Each run moves its events on by one day per `earlier_runs`: the same show on the same day would rightly be
    refused as a duplicate of the run before.
    """
    opening = (now.astimezone(SEOUL) + timedelta(days=FIRST_DAY_AHEAD + earlier_runs)).replace(
        hour=OPENING_HOUR, minute=0, second=0, microsecond=0
    )

    def event(name: str, venue: str, attendees: int, gates: int, kind: str, notes: str) -> dict[str, Any]:
        return {
            "name": name,
            "venue": venue,
            "starts_at": opening.isoformat(),
            "ends_at": (opening + DURATION).isoformat(),
            "expected_attendees": attendees,
            "gates": gates,
            "type": kind,
            "notes": notes,
        }

    return [
        DemoRequest(
            title="small, 80 attendees",
            tier="small",
            body={
                "request_id": f"demo-{run}-small",
                "customer": CUSTOMER,
                "event": event("봄밤 재즈 살롱", "블루노트 홀", 80, 1, "concert", "좌석 80석, 사전 등록만 입장"),
            },
        ),
        DemoRequest(
            title="medium, 250 attendees",
            tier="medium",
            approver="manager1",
            body={
                "request_id": f"demo-{run}-medium",
                "customer": ENGLISH_CUSTOMER,
                "event": event(
                    "Harbour Data Summit", "Busan BEXCO Hall 2", 250, 4, "conference", "Badge printing at gate 1"
                ),
            },
        ),
        DemoRequest(
            title="large, 900 attendees",
            tier="large",
            approver="executive1",
            body={
                "request_id": f"demo-{run}-large",
                "customer": CUSTOMER,
                "event": event("한강 불꽃 페스티벌 전야제", "여의도 한강공원", 900, 12, "festival", "우천 시 다음 날"),
            },
        ),
        DemoRequest(
            title="with seven faults",
            faults=FAULTS_IN_BAD_REQUEST,
            body={
                "request_id": f"demo-{run}-faulty",
                "customer": {"name": "", "email": "not-an-address", "phone": "010-1234-5678", "language": "fr"},
                "event": {
                    "name": "Night Market",
                    "venue": "Gwanghwamun Square",
                    "starts_at": opening.replace(tzinfo=None).isoformat(),
                    "ends_at": (opening + DURATION).isoformat(),
                    "expected_attendees": -5,
                    "gates": 2,
                },
                "priority": "highest",
            },
        ),
    ]
