"""The tags that DAGs carry: what Airflow's list can be filtered by.

One enum, so that a misspelt tag is an error and not a list of its own.
"""

from enum import StrEnum


class Tag(StrEnum):
    """A DAG has exactly one domain (its folder below ``dags/``) and any number of traits."""

    # Domains
    EVENTS = "events"
    REPORTS = "reports"

    # Traits
    APPROVAL = "approval"  # may wait for a person
    CUSTOMER = "customer"  # sends messages to customers
    DESTRUCTIVE = "destructive"  # takes things down or deletes data
    HOUSEKEEPING = "housekeeping"  # runs on a schedule, nobody asks for it
    REST = "rest"  # meant to be started through the REST API

    @classmethod
    def domains(cls) -> frozenset["Tag"]:
        """Return the tags that name a folder below ``dags/``."""
        return frozenset({cls.EVENTS, cls.REPORTS})
