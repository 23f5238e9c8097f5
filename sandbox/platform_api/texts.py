"""What the viewers' pages say, in Korean and English."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("ko", "en")

_TEXTS: Mapping[str, tuple[str, str]] = {
    # The Korean text, then the English one.
    "product": ("행사 플랫폼", "Events Platform"),
    "handover_title": ("행사 계정이 준비되었습니다", "Your event account is ready"),
    "handover_greeting": ("{name} 님, 안녕하세요.", "Hello {name},"),
    "handover_text": (
        "아래 버튼을 누르면 대시보드에 로그인할 사용자 이름, 비밀번호와 API 토큰이 표시됩니다.",
        "The button below shows the user name, password and API token for your event's dashboard.",
    ),
    "handover_once": (
        "이 링크는 한 번만 사용할 수 있습니다. 표시된 내용은 다시 볼 수 없으니 바로 안전한 곳에 보관해 주세요.",
        "This link works once. What it shows cannot be shown again, so store it safely right away.",
    ),
    "handover_expires": ("유효 기한", "Valid until"),
    "handover_button": ("계정 정보 보기", "Show my account"),
    "handover_done_title": ("계정 정보", "Your account"),
    "handover_done_text": (
        "지금 안전한 곳에 저장하세요. 이 페이지를 닫으면 다시 볼 수 없습니다.",
        "Save these now. Once you leave this page they cannot be shown again.",
    ),
    "username": ("사용자 이름", "User name"),
    "password": ("비밀번호", "Password"),
    "api_token": ("API 토큰", "API token"),
    "copy": ("복사", "Copy"),
    "copied": ("복사됨", "Copied"),
    "to_login": ("대시보드로 이동", "Go to the dashboard"),
    "handover_gone_title": ("사용할 수 없는 링크입니다", "This link cannot be used"),
    "handover_gone_text": (
        "이미 사용되었거나, 기한이 지났거나, 새 링크로 대체되었습니다. 행사 운영팀에 새 링크를 요청해 주세요.",
        "It was used, has expired, or was replaced by a newer one. Ask the events team for a new link.",
    ),
    "login_title": ("대시보드 로그인", "Log in to your dashboard"),
    "login_text": (
        "받으신 사용자 이름과 비밀번호를 입력해 주세요.",
        "Enter the user name and password you were given.",
    ),
    "login_button": ("로그인", "Log in"),
    "login_failed": ("사용자 이름 또는 비밀번호가 올바르지 않습니다.", "The user name or password is not right."),
    "login_too_many": (
        "시도가 너무 많습니다. 5분 후에 다시 시도해 주세요.",
        "Too many attempts. Try again in five minutes.",
    ),
    "logout": ("로그아웃", "Log out"),
    "participants": ("참가자", "Participants"),
    "of_expected": ("예상 {count}명 중", "of {count} expected"),
    "entries": ("입장", "Entries"),
    "entries_refused": ("거부 {count}건", "{count} turned away"),
    "gates": ("게이트", "Gates"),
    "gates_open": ("{count}개 운영 중", "{count} open"),
    "starts": ("시작", "Starts"),
    "entries_per_hour": ("시간대별 입장", "Entries per hour"),
    "last_hours": ("최근 {count}시간", "Last {count} hours"),
    "no_entries": ("아직 입장 기록이 없습니다", "No entries yet"),
    "gate": ("게이트", "Gate"),
    "open": ("운영 중", "Open"),
    "closed": ("닫힘", "Closed"),
    "by_status": ("참가자 상태", "Participants by status"),
    "no_participants": ("아직 등록된 참가자가 없습니다", "Nobody is registered yet"),
    "status_registered": ("등록", "Registered"),
    "status_confirmed": ("확정", "Confirmed"),
    "status_checked_in": ("입장 완료", "Checked in"),
    "status_cancelled": ("취소", "Cancelled"),
    "status_no_show": ("불참", "No show"),
    "refreshed": ("{time} 기준 · 10초마다 자동 새로고침", "As of {time} · refreshes every 10 seconds"),
    "error_403": ("이 행사를 볼 권한이 없습니다", "You may not see this event"),
    "error_404": ("행사를 찾을 수 없습니다", "There is no such event"),
    "error_503": ("지금은 데이터를 읽을 수 없습니다", "The data cannot be read right now"),
    "error_text": ("잠시 후 다시 시도하거나 다시 로그인해 주세요.", "Try again in a moment, or log in again."),
    "phase_upcoming": ("예정", "Upcoming"),
    "phase_live": ("진행 중", "Live"),
    "phase_over": ("종료", "Over"),
}


class Texts:
    """The texts of one language; ``{{ t("name", count=3) }}`` in a template."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._index = LANGUAGES.index(self.language)

    def __call__(self, name: str, /, **values: object) -> str:
        """Return a text with its values filled in."""
        return _TEXTS[name][self._index].format(**values)


def preferred_language(accept_language: str) -> str:
    """Return the first language of an ``Accept-Language`` header that is spoken here."""
    for part in accept_language.lower().split(","):
        language = part.split(";")[0].strip()[:2]
        if language in LANGUAGES:
            return language
    return "en"
