"""Everything that can be wrong with an event request or with what is made for it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass


class EventError(Exception):
    """Base of the errors in this domain."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a request: where (dotted path, "" for the body itself) and what, in plain English."""

    path: str
    message: str


class InvalidRequest(EventError):
    """The request has faults; all of them are named at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.path or 'body'}: {fault.message}" for fault in self.faults))

    def as_dicts(self) -> list[dict[str, str]]:
        """Return the faults as JSON objects with `path` and `message`."""
        return [asdict(fault) for fault in self.faults]


class RequestIdReused(EventError):
    """The request id was used before, for another body or by another customer."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"request_id {request_id!r} was used before with another body: choose a new request_id")
        self.request_id = request_id


class SimilarRequest(EventError):
    """The same customer already asked for much the same event on the same dates."""

    def __init__(self, first_request_id: str) -> None:
        super().__init__(
            f"request {first_request_id!r} is for a similar event on overlapping dates; if this is another event,"
            f' send "not_duplicate_of": "{first_request_id}"'
        )
        self.first_request_id = first_request_id


class UnknownRequest(EventError):
    """There is no request with this id."""


class ReservedRunId(EventError):
    """The run has an id that only the engine may give; nothing was done for it."""


class NotResumable(EventError):
    """The request cannot be taken up again from the state it is in."""


class PlanChanged(EventError):
    """The stored plan is not the one that was approved."""


class StaleAttempt(EventError):
    """The request has moved on: this attempt may no longer act for it."""


class RequestBusy(EventError):
    """Another process is at work on the request and did not finish in time: try again later."""


class NotOwned(EventError):
    """A thing with the event's name belongs to another request; it is never touched."""


class VerificationFailed(EventError):
    """The world is not as planned."""

    def __init__(self, findings: Iterable[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(self.findings))


class RollbackIncomplete(EventError):
    """Something of the event could not be taken away; what, and why, is said. It is safe to try again."""

    def __init__(self, *, failures: Iterable[str], leftovers: Iterable[str]) -> None:
        self.failures = tuple(failures)
        self.leftovers = tuple(leftovers)
        super().__init__(
            f"failed: {'; '.join(self.failures) or 'nothing'}. Still there: {'; '.join(self.leftovers) or 'nothing'}"
        )


class ArchiveMismatch(EventError):
    """What was read back from an archive is not what was written: nothing may be dropped."""


class InvalidCatalogue(EventError):
    """`config/event_templates.yaml` cannot be used."""


class InvalidRules(EventError):
    """promtool refuses the alerts that were made for an event."""


class ArchiveMissing(EventError):
    """There is no archive of the event: nothing may be dropped, and nothing can be restored."""


class NotRestorable(EventError):
    """The event is not down, or its grace has ended."""


class PurgeIncomplete(EventError):
    """Some archives could not be destroyed; which, and why, is said. It is safe to try again."""
