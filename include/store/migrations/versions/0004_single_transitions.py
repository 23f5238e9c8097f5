"""Console and engine change a request by the one transition that each of them makes, and by nothing else."""

from include.store.migrations.statements import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Both functions look at status and attempt in the statement that changes them: who comes second gets NULL.
# Which requests can be taken up again is known to include/events/intake.py too; a test compares the two.
FUNCTIONS = """
CREATE FUNCTION ops.start_attempt(p_request_id text, p_attempt integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE ops.event_requests
       SET attempt = attempt + 1, status = 'received', dag_run_id = NULL, plan = NULL, plan_hash = NULL,
           approval_due = NULL, result = '{}', error = NULL, planned_at = NULL, approved_at = NULL,
           configured_at = NULL, finished_at = NULL
     WHERE request_id = p_request_id AND attempt = p_attempt
       AND (status IN ('expired', 'rolled_back')
            OR (status = 'rejected' AND approvals -> -1 ->> 'kind' = 'refused'))
    RETURNING attempt
$$;
COMMENT ON FUNCTION ops.start_attempt IS 'take a request up again; NULL when it is not at rest in that attempt';

CREATE FUNCTION ops.close_refused(p_request_id text, p_attempt integer, p_error jsonb) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE ops.event_requests SET status = 'invalid', error = p_error, finished_at = now()
     WHERE request_id = p_request_id AND attempt = p_attempt AND status = 'received' AND dag_run_id IS NULL
    RETURNING true
$$;
COMMENT ON FUNCTION ops.close_refused IS 'close a request that Airflow refuses; NULL when it no longer waits for a run';

REVOKE EXECUTE ON FUNCTION ops.start_attempt, ops.close_refused FROM PUBLIC;
"""

GRANTS = """
REVOKE INSERT, UPDATE ON ops.event_requests FROM ops_console;
-- Status, attempt and everything decided later have defaults: a request enters at its beginning.
GRANT INSERT (request_id, body, body_hash, source, requester, customer_id, customer_email, event_name, starts_at,
    ends_at, expected_attendees, not_duplicate_of, slug) ON ops.event_requests TO ops_console;
GRANT EXECUTE ON FUNCTION ops.start_attempt TO ops_console, ops_tasks;

REVOKE UPDATE (status, error, finished_at) ON ops.event_requests FROM ops_engine;
GRANT EXECUTE ON FUNCTION ops.close_refused TO ops_engine;
"""

REVERT = """
DROP FUNCTION ops.start_attempt;
DROP FUNCTION ops.close_refused;
REVOKE INSERT (request_id, body, body_hash, source, requester, customer_id, customer_email, event_name, starts_at,
    ends_at, expected_attendees, not_duplicate_of, slug) ON ops.event_requests FROM ops_console;
GRANT INSERT, UPDATE ON ops.event_requests TO ops_console;
GRANT UPDATE (status, error, finished_at) ON ops.event_requests TO ops_engine;
"""


def upgrade() -> None:
    """Put functions in the place of free updates."""
    run(FUNCTIONS)
    run(GRANTS)


def downgrade() -> None:
    """Let both update again as they like."""
    run(REVERT)
