"""What kinds of events take place: where, when in the year and the week, how big, with which settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Venue:
    """A house: how many people it holds and how many gates it has."""

    name: str
    city: str
    capacity: int
    max_gates: int


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A kind of event. Weights: `months` from January on, `weekdays` from Monday on. Sizes are expected attendees."""

    event_type: str
    share: float
    customer_kinds: tuple[str, ...]
    titles: tuple[tuple[str, str], ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    start_hours: tuple[int, ...]
    hours: tuple[int, ...]
    median_size: int
    spread: float
    access_policy: dict[str, Any]
    notification_settings: dict[str, Any]


VENUES = (
    Venue(name="올림픽홀", city="서울", capacity=2400, max_gates=12),
    Venue(name="올림픽체조경기장", city="서울", capacity=9000, max_gates=30),
    Venue(name="코엑스 그랜드볼룸", city="서울", capacity=1800, max_gates=10),
    Venue(name="코엑스 컨퍼런스룸", city="서울", capacity=400, max_gates=4),
    Venue(name="세종문화회관 대극장", city="서울", capacity=3000, max_gates=14),
    Venue(name="예술의전당 콘서트홀", city="서울", capacity=2500, max_gates=12),
    Venue(name="동대문디자인플라자", city="서울", capacity=1500, max_gates=8),
    Venue(name="여의도 한강공원", city="서울", capacity=8000, max_gates=24),
    Venue(name="노들섬 라이브하우스", city="서울", capacity=450, max_gates=4),
    Venue(name="양재 엘타워", city="서울", capacity=600, max_gates=5),
    Venue(name="성수 팝업홀", city="서울", capacity=250, max_gates=3),
    Venue(name="마포 작은강당", city="서울", capacity=120, max_gates=2),
    Venue(name="강남 세미나실", city="서울", capacity=80, max_gates=1),
    Venue(name="Seoul Riverside Club", city="서울", capacity=300, max_gates=3),
    Venue(name="송도컨벤시아", city="인천", capacity=2000, max_gates=10),
    Venue(name="인천 하버파크호텔", city="인천", capacity=350, max_gates=3),
    Venue(name="킨텍스 제1전시장", city="고양", capacity=9000, max_gates=28),
    Venue(name="수원컨벤션센터", city="수원", capacity=2200, max_gates=10),
    Venue(name="판교 스타트업캠퍼스", city="성남", capacity=300, max_gates=3),
    Venue(name="대전컨벤션센터", city="대전", capacity=2000, max_gates=10),
    Venue(name="대전 과학기술홀", city="대전", capacity=500, max_gates=4),
    Venue(name="대구 엑스코", city="대구", capacity=3500, max_gates=14),
    Venue(name="광주 김대중컨벤션센터", city="광주", capacity=2500, max_gates=12),
    Venue(name="전주 한옥마을 광장", city="전주", capacity=4000, max_gates=12),
    Venue(name="부산 벡스코", city="부산", capacity=5000, max_gates=18),
    Venue(name="부산 영화의전당", city="부산", capacity=4000, max_gates=14),
    Venue(name="해운대 호텔 연회장", city="부산", capacity=400, max_gates=3),
    Venue(name="울산전시컨벤션센터", city="울산", capacity=1500, max_gates=8),
    Venue(name="강릉 아트센터", city="강릉", capacity=1000, max_gates=6),
    Venue(name="제주국제컨벤션센터", city="제주", capacity=3500, max_gates=12),
    Venue(name="Jeju Ocean Garden", city="제주", capacity=180, max_gates=2),
)

PROFILES = (
    Profile(
        event_type="concert",
        share=0.20,
        customer_kinds=("company", "public"),
        titles=(("{season} 음악회", "{season} Concert"), ("인디 라이브", "Indie Live"), ("팬 콘서트", "Fan Concert")),
        months=(5, 5, 6, 8, 9, 8, 9, 9, 8, 10, 9, 14),
        weekdays=(1, 1, 2, 3, 10, 16, 10),
        start_hours=(17, 18, 19, 19, 20),
        hours=(2, 2, 3),
        median_size=150,
        spread=0.9,
        access_policy={"entry_method": "qr_code", "re_entry": False, "opens_minutes_before": 60, "id_check": True}
        | {"entries_per_gate_per_minute": 25},
        notification_settings={"channels": ["email", "sms"], "remind_hours_before": [72, 24, 3]}
        | {"alert_at_capacity_percent": 95},
    ),
    Profile(
        event_type="conference",
        share=0.17,
        customer_kinds=("company", "association"),
        titles=(("개발자 컨퍼런스", "Developer Conference"), ("학술대회", "Annual Congress"), ("서밋", "Summit")),
        months=(3, 5, 9, 10, 11, 9, 4, 4, 11, 13, 12, 4),
        weekdays=(5, 10, 12, 12, 7, 1, 0),
        start_hours=(9, 9, 10),
        hours=(7, 8, 9),
        median_size=140,
        spread=0.8,
        access_policy={"entry_method": "badge", "re_entry": True, "opens_minutes_before": 60, "id_check": False}
        | {"entries_per_gate_per_minute": 20},
        notification_settings={"channels": ["email"], "remind_hours_before": [168, 24]}
        | {"alert_at_capacity_percent": 90},
    ),
    Profile(
        event_type="seminar",
        share=0.20,
        customer_kinds=("company", "public", "association"),
        titles=(
            ("실무 세미나", "Practice Seminar"),
            ("데이터 워크숍", "Data Workshop"),
            ("시민 강연", "Public Lecture"),
        ),
        months=(5, 7, 10, 10, 10, 9, 6, 5, 10, 11, 11, 6),
        weekdays=(7, 11, 12, 11, 7, 3, 0),
        start_hours=(10, 14, 14, 19),
        hours=(2, 3, 4),
        median_size=45,
        spread=0.5,
        access_policy={"entry_method": "qr_code", "re_entry": True, "opens_minutes_before": 30, "id_check": False}
        | {"entries_per_gate_per_minute": 15},
        notification_settings={"channels": ["email"], "remind_hours_before": [24]} | {"alert_at_capacity_percent": 100},
    ),
    Profile(
        event_type="corporate",
        share=0.14,
        customer_kinds=("company",),
        titles=(("창립기념식", "Anniversary"), ("신제품 런칭", "Product Launch"), ("송년의 밤", "Year-End Party")),
        months=(7, 5, 7, 7, 8, 7, 5, 4, 7, 8, 9, 22),
        weekdays=(6, 9, 11, 13, 12, 3, 1),
        start_hours=(14, 18, 18, 19),
        hours=(3, 4, 5),
        median_size=80,
        spread=0.6,
        access_policy={"entry_method": "guest_list", "re_entry": True, "opens_minutes_before": 45, "id_check": True}
        | {"entries_per_gate_per_minute": 12},
        notification_settings={"channels": ["email", "sms"], "remind_hours_before": [48]}
        | {"alert_at_capacity_percent": 90},
    ),
    Profile(
        event_type="exhibition",
        share=0.09,
        customer_kinds=("company", "public"),
        titles=(("디자인 전시", "Design Exhibition"), ("식품 박람회", "Food Fair"), ("취업 박람회", "Career Fair")),
        months=(4, 5, 10, 11, 11, 9, 6, 6, 11, 12, 10, 5),
        weekdays=(2, 5, 9, 12, 12, 10, 6),
        start_hours=(10, 10, 11),
        hours=(7, 8, 33),
        median_size=240,
        spread=0.8,
        access_policy={"entry_method": "qr_code", "re_entry": True, "opens_minutes_before": 30, "id_check": False}
        | {"entries_per_gate_per_minute": 30},
        notification_settings={"channels": ["email"], "remind_hours_before": [72, 24]}
        | {"alert_at_capacity_percent": 85},
    ),
    Profile(
        event_type="wedding",
        share=0.09,
        customer_kinds=("company",),
        titles=(("{couple} 결혼식", "Wedding of {couple}"), ("{couple} 스몰 웨딩", "Small Wedding of {couple}")),
        months=(4, 5, 9, 14, 16, 10, 3, 3, 11, 16, 12, 5),
        weekdays=(0, 0, 0, 0, 1, 20, 12),
        start_hours=(11, 12, 13, 14),
        hours=(3, 4),
        median_size=110,
        spread=0.45,
        access_policy={"entry_method": "guest_list", "re_entry": True, "opens_minutes_before": 60, "id_check": False}
        | {"entries_per_gate_per_minute": 15},
        notification_settings={"channels": ["sms"], "remind_hours_before": [72]} | {"alert_at_capacity_percent": 100},
    ),
    Profile(
        event_type="festival",
        share=0.06,
        customer_kinds=("public", "company"),
        titles=(
            ("{season} 축제", "{season} Festival"),
            ("맥주 페스티벌", "Craft Beer Festival"),
            ("책 축제", "Book Festival"),
        ),
        months=(1, 1, 4, 12, 18, 9, 8, 9, 15, 19, 4, 2),
        weekdays=(0, 0, 0, 1, 8, 20, 14),
        start_hours=(10, 11, 12),
        hours=(9, 10, 34),
        median_size=600,
        spread=0.6,
        access_policy={"entry_method": "wristband", "re_entry": True, "opens_minutes_before": 90, "id_check": False}
        | {"entries_per_gate_per_minute": 35},
        notification_settings={"channels": ["email", "sms"], "remind_hours_before": [168, 24, 3]}
        | {"alert_at_capacity_percent": 80},
    ),
    Profile(
        event_type="sports",
        share=0.05,
        customer_kinds=("public", "association"),
        titles=(("마라톤 대회", "Marathon"), ("생활체육 대회", "Community Games")),
        months=(1, 1, 8, 14, 14, 9, 3, 3, 13, 18, 9, 2),
        weekdays=(0, 0, 0, 0, 1, 14, 20),
        start_hours=(8, 8, 9),
        hours=(4, 6, 8),
        median_size=300,
        spread=0.6,
        access_policy={"entry_method": "bib_number", "re_entry": True, "opens_minutes_before": 120, "id_check": True}
        | {"entries_per_gate_per_minute": 30},
        notification_settings={"channels": ["email", "sms"], "remind_hours_before": [168, 24]}
        | {"alert_at_capacity_percent": 95},
    ),
)

SEASONS = {12: ("겨울", "Winter"), 1: ("겨울", "Winter"), 2: ("겨울", "Winter"), 3: ("봄", "Spring")}
SEASONS |= {4: ("봄", "Spring"), 5: ("봄", "Spring"), 6: ("여름", "Summer"), 7: ("여름", "Summer")}
SEASONS |= {8: ("여름", "Summer"), 9: ("가을", "Autumn"), 10: ("가을", "Autumn"), 11: ("가을", "Autumn")}
