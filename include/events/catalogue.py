"""`config/event_templates.yaml`, read strictly: the default template, the sizing and the prices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml
from msgspec import Meta, Struct

from include.events.errors import InvalidCatalogue

DEFAULT_PATH = Path(__file__).resolve().parents[2] / "config" / "event_templates.yaml"
Amount = Annotated[int, Meta(ge=0)]
Step = Annotated[int, Meta(gt=0)]


class TemplateSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is applied to a new event."""

    access_policy: dict[str, Any]
    notification_settings: dict[str, Any]


class Sizing(Struct, frozen=True, forbid_unknown_fields=True):
    """How an amount grows: base + per_attendee * attendees + per_gate * gates, up to a multiple of step."""

    base: Amount
    per_attendee: Amount
    per_gate: Amount
    step: Step

    def amount(self, *, attendees: int, gates: int) -> int:
        """Return the amount for an event."""
        exact = self.base + self.per_attendee * attendees + self.per_gate * gates
        return -(-exact // self.step) * self.step


class SizingTable(Struct, frozen=True, forbid_unknown_fields=True):
    """One formula per resource; the names say the unit."""

    cpu_millicores: Sizing
    memory_mebibytes: Sizing
    storage_mebibytes: Sizing
    bandwidth_kilobits: Sizing
    pods: Sizing


class Reservation(Struct, frozen=True, forbid_unknown_fields=True):
    """How long before and after the event its resources are kept."""

    hours_before: Amount
    hours_after: Amount


class Prices(Struct, frozen=True, forbid_unknown_fields=True):
    """KRW per unit and time, without VAT."""

    cpu_core_hour: Amount
    memory_gibibyte_hour: Amount
    storage_gibibyte_month: Amount
    bandwidth_megabit_hour: Amount
    message_per_attendee: Amount


class Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    default_template: TemplateSettings
    sizing: SizingTable
    reservation: Reservation
    prices_krw: Prices


def load_catalogue(path: Path = DEFAULT_PATH) -> Catalogue:
    """Read the file. Raises InvalidCatalogue with the place of the first fault."""
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Catalogue)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise InvalidCatalogue(f"{path}: {error}") from error
