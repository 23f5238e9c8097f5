"""The services that are played, and which of them an address belongs to."""

from __future__ import annotations

from enum import StrEnum

from sandbox.errors import InvalidFault


class Service(StrEnum):
    """A service that the sandbox plays; the value is its name in faults, journal and metrics."""

    SLACK = "slack"
    TWILIO = "twilio"
    SMTP = "smtp"
    KUBERNETES = "kubernetes"
    PLATFORM = "platform"


_ALIASES = {"k8s": Service.KUBERNETES, "sms": Service.TWILIO, "mail": Service.SMTP, "platform_api": Service.PLATFORM}

# The pages /slack, /sms and /mail are the sandbox's own: they belong to no service.
_PREFIXES = (
    ("/slack/services/", Service.SLACK),
    ("/slack/api/", Service.SLACK),
    ("/twilio/", Service.TWILIO),
    ("/k8s/", Service.KUBERNETES),
    ("/platform/", Service.PLATFORM),
)


def service_of_path(path: str) -> Service | None:
    """Return the service that answers at `path`, None for the sandbox's own pages."""
    return next((service for prefix, service in _PREFIXES if path.startswith(prefix)), None)


def service_named(name: str) -> Service:
    """Return the service called `name`; ``k8s``, ``sms`` and ``mail`` are understood too.

    Raises InvalidFault for a name that is not played.
    """
    if name in _ALIASES:
        return _ALIASES[name]
    try:
        return Service(name)
    except ValueError:
        known = ", ".join(Service)
        raise InvalidFault(f"service is {name!r}; expected one of {known}") from None
