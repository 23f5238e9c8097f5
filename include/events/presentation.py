"""A plan as people read it: the approval's Markdown, and the words that mails and the guide share with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.events.classify import FEWEST_LARGE, MOST_SMALL, Tier
from include.events.plan import (
    KILOBITS_PER_MEGABIT,
    MEBIBYTES_PER_GIBIBYTE,
    MILLICORES_PER_CORE,
    EventPlan,
    plan_hash,
)
from include.notifications.escaping import Trusted
from include.notifications.templates import format_instant, format_number, render

SHORT_HASH = 12

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "small": "Small event, approved automatically",
        "medium": "Medium event, a manager decides",
        "large": "Large event, an executive decides",
        "cpu": "CPU",
        "memory": "Memory",
        "storage": "Storage",
        "bandwidth": "Bandwidth",
        "messages": "Messages",
        "resources_from": "Resources reserved",
        "gates_open": "Gates open",
        "starts": "Event starts",
        "ends": "Event ends",
        "resources_until": "Resources released",
        "ko": "Korean",
        "en": "English",
        "entry_method": "Entry by",
        "re_entry": "Re-entry",
        "opens_minutes_before": "Gates open, minutes before",
        "entries_per_gate_per_minute": "Entries per gate and minute",
        "id_check": "Identity check",
        "channels": "Messages to participants by",
        "remind_hours_before": "Reminders, hours before",
        "alert_at_capacity_percent": "Organiser told at % of capacity",
        "True": "yes",
        "False": "no",
        "qr_code": "QR code",
        "email": "e-mail",
        "sms": "SMS",
    },
    "ko": {
        "small": "소규모 이벤트 · 자동 승인",
        "medium": "중규모 이벤트 · 매니저 승인",
        "large": "대규모 이벤트 · 임원 승인",
        "cpu": "CPU",
        "memory": "메모리",
        "storage": "스토리지",
        "bandwidth": "대역폭",
        "messages": "메시지",
        "resources_from": "리소스 예약",
        "gates_open": "게이트 개방",
        "starts": "이벤트 시작",
        "ends": "이벤트 종료",
        "resources_until": "리소스 해제",
        "ko": "한국어",
        "en": "영어",
        "entry_method": "입장 방식",
        "re_entry": "재입장",
        "opens_minutes_before": "게이트 개방(시작 전 분)",
        "entries_per_gate_per_minute": "게이트당 분당 입장 인원",
        "id_check": "신분 확인",
        "channels": "참가자 알림 채널",
        "remind_hours_before": "사전 알림(시간 전)",
        "alert_at_capacity_percent": "주최자 알림 기준 수용률(%)",
        "True": "예",
        "False": "아니요",
        "qr_code": "QR 코드",
        "email": "이메일",
        "sms": "문자",
    },
}


def word(key: object, language: str) -> str:
    """Return how people call something in a language; what has no name of its own is shown as it is."""
    if isinstance(key, (list, tuple)):
        return ", ".join(word(entry, language) for entry in key)
    return _WORDS[language].get(str(key), str(key))


def render_markdown(plan: EventPlan, *, language: str = "en") -> str:
    """Return the plan as Markdown for the person who decides. All text of the customer is escaped."""
    context = plan_context(plan, language=language)
    # Names of our own making: no character in them can end a code span.
    code = {name: Trusted(f"`{context[name]}`") for name in ("namespace", "schema", "api_url", "metrics_url")}
    return render("approval_plan.md", language=language, context=context | code)


def subject_of(plan: EventPlan, *, language: str) -> str:
    """Return one line that names the event and what is decided about it."""
    people = format_number(plan.event.expected_attendees)
    if language == "ko":
        return f"이벤트 승인 요청: {plan.event.name} ({people}명)"
    return f"Approve event: {plan.event.name} ({people} attendees)"


def plan_context(plan: EventPlan, *, language: str) -> dict[str, Any]:
    """Return the plan's facts, formatted for a language, as every template of ours gets them."""
    resources = plan.resources
    return {
        "request_id": plan.request_id,
        "slug": plan.slug,
        "customer": {"name": plan.customer.name, "email": plan.customer.email, "phone": plan.customer.phone},
        "event": {"name": plan.event.name, "venue": plan.event.venue},
        "starts_at": format_instant(plan.event.starts_at, language),
        "ends_at": format_instant(plan.event.ends_at, language),
        "attendees": format_number(plan.event.expected_attendees),
        "gates": format_number(plan.event.gates),
        "notes": [line for line in (plan.event.notes or "").splitlines() if line.strip()],
        "tier": plan.tier,
        "tier_label": word(plan.tier, language),
        "tier_reason": _tier_reason(plan, language),
        "reasons": list(plan.reasons),
        "namespace": plan.namespace,
        "schema": plan.schema,
        "api_url": plan.api_url,
        "metrics_url": plan.monitoring.metrics_url,
        "alerts": [alert.name for alert in plan.monitoring.alerts],
        "cpu": f"{resources.cpu_millicores / MILLICORES_PER_CORE:g}",
        "memory": f"{resources.memory_mebibytes / MEBIBYTES_PER_GIBIBYTE:g}",
        "storage": f"{resources.storage_mebibytes / MEBIBYTES_PER_GIBIBYTE:g}",
        "bandwidth": f"{resources.bandwidth_kilobits / KILOBITS_PER_MEGABIT:g}",
        "pods": resources.pods,
        "template_reason": plan.template_reason,
        "settings": _settings(plan, language),
        "cost": [
            {"label": word(item.item, language), "amount": item.amount, "krw": format_number(item.krw)}
            for item in plan.cost
        ],
        "cost_total": format_number(plan.cost_krw),
        "timeline": [
            {"at": format_instant(milestone.at, language), "label": word(milestone.what, language)}
            for milestone in plan.timeline
        ],
        "language_label": word(plan.customer.language, language),
        "short_hash": plan_hash(plan)[:SHORT_HASH],
    }


def _tier_reason(plan: EventPlan, language: str) -> str:
    people = format_number(plan.event.expected_attendees)
    range_of_tier = {
        Tier.SMALL: f"1–{MOST_SMALL}",
        Tier.MEDIUM: f"{MOST_SMALL + 1}–{FEWEST_LARGE - 1}",
        Tier.LARGE: f"{FEWEST_LARGE}+",
    }[Tier(plan.tier)]
    if language == "ko":
        return f"예상 참가 인원 {people}명 (기준 {range_of_tier}명)"
    return f"{people} attendees expected, the range is {range_of_tier}"


def _settings(plan: EventPlan, language: str) -> list[dict[str, str]]:
    both = {**plan.access_policy, **plan.notification_settings}
    return [{"name": word(name, language), "value": word(value, language)} for name, value in both.items()]
