"""Queries on how well provisioning does. Each counts by period: period n is [bounds[n], bounds[n + 1]).

Who asks needs SELECT on the event tables and the ledger, nothing else. Callers open the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from include.store.events import Connection, Row, fetch_all

# When an attempt began: at its receipt, or when the request was taken up again. When people were first asked in it:
# NULL when nobody was. The database's clock gave all of these times.
_COMPLETED: LiteralString = """
WITH resumed AS (
    SELECT substr(target, length('event:') + 1) AS request_id, max(at) AS at
      FROM ops.ledger WHERE action = 'event.resume' GROUP BY target
),
completed AS (
    SELECT r.configured_at - r.received_at AS wall,
           r.configured_at - CASE WHEN r.attempt = 1 THEN r.received_at ELSE coalesce(resumed.at, r.received_at) END
               - coalesce(r.approved_at - asked.at, interval '0') AS machine,
           asked.at IS NULL AS automatic,
           width_bucket(r.configured_at, %(bounds)s::timestamptz[]) - 1 AS period
      FROM ops.event_requests AS r LEFT JOIN resumed USING (request_id)
     CROSS JOIN LATERAL (
        SELECT min((entry ->> 'at')::timestamptz) AS at FROM jsonb_array_elements(r.approvals) AS entry
         WHERE entry ->> 'kind' = 'asked' AND (entry ->> 'attempt')::integer = r.attempt) AS asked
     WHERE r.configured_at >= %(since)s AND r.configured_at < %(until)s
),
seconds AS (
    SELECT period, automatic, extract(epoch FROM wall)::float8 AS wall, extract(epoch FROM machine)::float8 AS machine
      FROM completed
)
SELECT period, count(*) AS completed, count(*) FILTER (WHERE automatic) AS automatic,
       sum(machine) AS machine_seconds,
       avg(machine) AS machine_mean, avg(wall) AS wall_mean,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY machine) AS machine_percentiles,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY wall) AS wall_percentiles
  FROM seconds GROUP BY period
"""
_RECEIVED: LiteralString = """
SELECT width_bucket(received_at, %(bounds)s::timestamptz[]) - 1 AS period, count(*) AS received
  FROM ops.event_requests WHERE received_at >= %(since)s AND received_at < %(until)s GROUP BY period
"""
_FAILED: LiteralString = """
SELECT width_bucket(finished_at, %(bounds)s::timestamptz[]) - 1 AS period, count(*) AS failed
  FROM ops.event_requests
 WHERE finished_at >= %(since)s AND finished_at < %(until)s AND status IN ('rolled_back', 'rollback_failed')
 GROUP BY period
"""
# From the ledger, because a request that is taken up again forgets its failed attempts. A rollback that failed first
# and was finished later is one rollback, complete, in the period in which it was finished.
_ROLLBACKS: LiteralString = """
WITH rollbacks AS (
    SELECT max(at) AS ended_at, bool_or(action = 'event.rolled_back') AS complete
      FROM ops.ledger WHERE action IN ('event.rolled_back', 'event.rollback_failed')
     GROUP BY target, after ->> 'attempt'
)
SELECT width_bucket(ended_at, %(bounds)s::timestamptz[]) - 1 AS period, count(*) AS rollbacks,
       count(*) FILTER (WHERE complete) AS complete_rollbacks
  FROM rollbacks WHERE ended_at >= %(since)s AND ended_at < %(until)s GROUP BY period
"""
_RATINGS: LiteralString = """
SELECT width_bucket(rated_at, %(bounds)s::timestamptz[]) - 1 AS period, count(*) AS ratings,
       avg(score)::float8 AS mean_rating
  FROM ops.event_ratings
 WHERE score IS NOT NULL AND rated_at >= %(since)s AND rated_at < %(until)s GROUP BY period
"""
_QUERIES = (_COMPLETED, _RECEIVED, _FAILED, _ROLLBACKS, _RATINGS)


def measure_periods(conn: Connection, bounds: Sequence[datetime]) -> list[Row]:
    """Return one row of counts per period, in order; what a period has none of is missing from its row.

    `bounds` are at least two instants, ascending. Seconds are floats; `…_percentiles` are [median, p95].
    """
    parameters = {"bounds": list(bounds), "since": bounds[0], "until": bounds[-1]}
    periods: list[Row] = [{} for _ in bounds[1:]]
    for query in _QUERIES:
        for row in fetch_all(conn, query, parameters):
            periods[row.pop("period")].update(row)
    return periods
