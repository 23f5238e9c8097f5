"""Invented people and organisations, as they are called in Korea."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

# Share of the population in percent (census of 2015, rounded): names must be as unevenly spread as real ones.
SURNAMES: dict[tuple[str, str], float] = {
    ("김", "kim"): 21.5,
    ("이", "lee"): 14.7,
    ("박", "park"): 8.4,
    ("최", "choi"): 4.7,
    ("정", "jung"): 4.3,
    ("강", "kang"): 2.4,
    ("조", "cho"): 2.1,
    ("윤", "yoon"): 2.1,
    ("장", "jang"): 2.0,
    ("임", "lim"): 1.7,
    ("한", "han"): 1.6,
    ("오", "oh"): 1.5,
    ("서", "seo"): 1.5,
    ("신", "shin"): 1.5,
    ("권", "kwon"): 1.4,
    ("황", "hwang"): 1.4,
    ("안", "ahn"): 1.4,
    ("송", "song"): 1.4,
    ("류", "ryu"): 1.3,
    ("홍", "hong"): 1.1,
}
GIVEN_NAMES: tuple[tuple[str, str], ...] = (
    ("민준", "minjun"), ("서준", "seojun"), ("도윤", "doyun"), ("예준", "yejun"), ("시우", "siwoo"),
    ("하준", "hajun"), ("주원", "juwon"), ("지호", "jiho"), ("지후", "jihoo"), ("준우", "junwoo"), ("건우", "gunwoo"),
    ("우진", "woojin"), ("현우", "hyunwoo"), ("선우", "sunwoo"), ("연우", "yeonwoo"), ("정우", "jungwoo"),
    ("승현", "seunghyun"), ("동현", "donghyun"), ("지훈", "jihoon"), ("성민", "sungmin"), ("상훈", "sanghoon"),
    ("영수", "youngsoo"), ("서연", "seoyeon"), ("서윤", "seoyun"), ("지우", "jiwoo"), ("서현", "seohyun"),
    ("하은", "haeun"), ("민서", "minseo"), ("하윤", "hayun"), ("윤서", "yunseo"), ("지유", "jiyu"),
    ("채원", "chaewon"), ("지민", "jimin"), ("수아", "sua"), ("은서", "eunseo"), ("다은", "daeun"), ("예은", "yeeun"),
    ("수빈", "subin"), ("소율", "soyul"), ("지원", "jiwon"), ("미영", "miyoung"), ("은정", "eunjung"),
    ("혜진", "hyejin"), ("유진", "yujin"), ("보람", "boram"), ("한솔", "hansol"),
)  # fmt: skip
ENGLISH_GIVEN_NAMES = (
    "Oliver", "Emma", "Liam", "Sophia", "Noah", "Isabella", "James", "Mia", "Lucas", "Amelia", "Henry", "Charlotte",
    "Daniel", "Grace", "Samuel", "Chloe", "Mateo", "Hannah", "Yuki", "Mei", "Arjun", "Priya", "Linh", "Anna",
)  # fmt: skip
ENGLISH_SURNAMES = (
    "Smith", "Johnson", "Brown", "Miller", "Davis", "Wilson", "Taylor", "Clark", "Lewis", "Walker", "Young", "Wright",
    "Schmidt", "Rossi", "Tanaka", "Sato", "Chen", "Wang", "Nguyen", "Sharma", "Garcia", "Martin", "Novak", "Larsen",
)  # fmt: skip
# Reserved for examples (RFC 2606): no mail to them can ever arrive anywhere.
MAIL_DOMAINS = ("example.com", "example.net", "example.org", "mail.example", "post.example")
ENGLISH_PEOPLE = 0.08
ENGLISH_COMPANIES = 0.2

COMPANY_WORDS = (
    ("한빛", "Hanbit"), ("누리", "Nuri"), ("다온", "Daon"), ("가온", "Gaon"), ("새벽", "Saebyeok"),
    ("푸른솔", "Pureunsol"), ("온새미", "Onsaemi"), ("나래", "Narae"), ("미르", "Mir"), ("라온", "Raon"),
    ("아라", "Ara"), ("해오름", "Haeoreum"), ("마루", "Maru"), ("별하", "Byeolha"), ("늘봄", "Neulbom"),
    ("도담", "Dodam"), ("윤슬", "Yunseul"), ("여울", "Yeoul"),
)  # fmt: skip
COMPANY_KINDS = (
    ("소프트", "Soft"), ("엔터테인먼트", "Entertainment"), ("미디어", "Media"), ("바이오", "Bio"), ("테크", "Tech"),
    ("에듀", "Edu"), ("로지스틱스", "Logistics"), ("푸드", "Foods"), ("게임즈", "Games"), ("모빌리티", "Mobility"),
)  # fmt: skip
PLACES = (
    "한강", "달빛", "은하", "무지개", "솔향", "바람골", "하늘마을", "물빛", "별내", "꽃길",
)  # fmt: skip
PUBLIC_BODIES = ("문화재단", "관광재단", "청소년센터", "체육회", "도서관", "미술관")
FIELDS = ("데이터", "건축", "재료", "의료정보", "교육공학", "디자인", "로봇", "식품", "환경", "언어")


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person as registered: the name as written, and the part of an address made of it."""

    name: str
    mailbox: str
    language: str


def person(rng: Random) -> Person:
    """Invent a person."""
    if rng.random() < ENGLISH_PEOPLE:
        given, family = rng.choice(ENGLISH_GIVEN_NAMES), rng.choice(ENGLISH_SURNAMES)
        return Person(name=f"{given} {family}", mailbox=f"{given}.{family}".lower(), language="en")
    surname, surname_latin = rng.choices(_SURNAMES, cum_weights=_SURNAME_WEIGHTS)[0]
    given, given_latin = rng.choice(GIVEN_NAMES)
    return Person(name=surname + given, mailbox=f"{given_latin}.{surname_latin}", language="ko")


def organisation(rng: Random, kind: str) -> tuple[str, str]:
    """Invent an organisation of a kind; return its name and its language."""
    if kind == "public":
        return f"{rng.choice(PLACES)} {rng.choice(PUBLIC_BODIES)}", "ko"
    if kind == "association":
        return f"한국{rng.choice(FIELDS)}학회", "ko"
    word, word_latin = rng.choice(COMPANY_WORDS)
    branch, branch_latin = rng.choice(COMPANY_KINDS)
    if rng.random() < ENGLISH_COMPANIES:
        return f"{word_latin} {branch_latin}", "en"
    return word + branch, "ko"


def _cumulated(weights: dict[tuple[str, str], float]) -> list[float]:
    total, sums = 0.0, []
    for weight in weights.values():
        total += weight
        sums.append(total)
    return sums


_SURNAMES = list(SURNAMES)
_SURNAME_WEIGHTS = _cumulated(SURNAMES)
