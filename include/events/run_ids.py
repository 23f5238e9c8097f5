"""The ids of runs that the engine starts.

They follow from the request, so that whoever starts the run a second time finds the first. They are only ever built
and compared, never taken apart: a request id may contain any part of one.
"""

from __future__ import annotations

import re

# Whoever may start runs may choose their ids; `receive_request` refuses this prefix to everybody but the engine.
RESERVED_PREFIX = "request__"


def run_id_for(request_id: str, attempt: int, *, choice: int = 1) -> str:
    """Return the id of the run for an attempt; the second choice and so on are for when somebody took the first."""
    first = f"{RESERVED_PREFIX}{request_id}__{attempt}"
    return first if choice == 1 else f"{first}__r{choice}"


def is_reserved(run_id: str) -> bool:
    """Tell whether only the engine may give this id to a run."""
    return run_id.startswith(RESERVED_PREFIX)


def is_run_for(run_id: str, request_id: str, attempt: int) -> bool:
    """Tell whether a run of this id stands for the attempt."""
    first = run_id_for(request_id, attempt)
    return re.fullmatch(rf"{re.escape(first)}(__r[0-9]+)?", run_id) is not None
