"""Settings: one place, safe defaults, refused at start when wrong."""

import pytest
from pydantic import ValidationError

from include.settings import Settings


def test_every_field_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_guide_is_served_at_the_public_address_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_OPS_PUBLIC_URL", "https://ops.example/")

    assert Settings().guide_base_url == "https://ops.example"

    monkeypatch.setenv("PLATFORM_OPS_GUIDE_BASE_URL", "https://guides.example")
    assert Settings().guide_base_url == "https://guides.example"


@pytest.mark.parametrize(
    ("name", "value"),
    [("TIMEZONE", "Mars/Olympus"), ("APPROVAL_EXPIRY_SECONDS", "0"), ("DECOMMISSION_GRACE_DAYS", "soon")],
)
def test_a_wrong_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PLATFORM_OPS_{name}", value)

    with pytest.raises(ValidationError):
        Settings()


def test_passwords_stay_out_of_the_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_OPS_AIRFLOW_PASSWORD", "s3cret")

    assert "s3cret" not in repr(Settings())
