"""Customers, API keys and everything about an event's life."""

from include.store.migrations.statements import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE ops.customers (
    customer_id text PRIMARY KEY CHECK (customer_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    name        text NOT NULL CHECK (name <> ''),
    email       text NOT NULL CHECK (email = lower(email)),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ops.api_keys (
    key_id       text PRIMARY KEY,
    customer_id  text NOT NULL REFERENCES ops.customers,
    key_hash     bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    note         text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text NOT NULL,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX api_keys_customer_id ON ops.api_keys (customer_id);
COMMENT ON COLUMN ops.api_keys.key_hash IS 'sha256 of the whole key; the key itself is shown once and kept nowhere';

CREATE TABLE ops.event_requests (
    request_id         text PRIMARY KEY,
    body               jsonb NOT NULL,
    body_hash          text NOT NULL,
    source             text NOT NULL CHECK (source IN ('api', 'form', 'airflow')),
    requester          text NOT NULL CHECK (requester ~ '^(customer|user):.'),
    customer_id        text REFERENCES ops.customers,
    customer_email     text NOT NULL CHECK (customer_email = lower(customer_email)),
    event_name         text NOT NULL,
    starts_at          timestamptz NOT NULL,
    ends_at            timestamptz NOT NULL,
    expected_attendees integer NOT NULL CHECK (expected_attendees > 0),
    not_duplicate_of   text,
    slug               text NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9_]{2,30}$'),
    status             text NOT NULL DEFAULT 'received' CHECK (status IN (
        'received', 'planned', 'awaiting_approval', 'approved', 'configuring', 'completed', 'invalid', 'rejected',
        'expired', 'rolling_back', 'rolled_back', 'rollback_failed', 'decommissioning', 'decommissioned', 'restored',
        'purged', 'cancelled')),
    attempt            integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
    dag_run_id         text,
    event_type         text,
    tier               text CHECK (tier IN ('small', 'medium', 'large')),
    priority           text,
    classification     jsonb,
    plan               jsonb,
    plan_hash          text,
    approvals          jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(approvals) = 'array'),
    approval_due       jsonb,
    result             jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(result) = 'object'),
    error              jsonb,
    received_at        timestamptz NOT NULL DEFAULT now(),
    planned_at         timestamptz,
    approved_at        timestamptz,
    configured_at      timestamptz,
    finished_at        timestamptz,
    updated_at         timestamptz NOT NULL DEFAULT now(),
    decommission_at    timestamptz,
    purge_after        timestamptz,
    CHECK (ends_at > starts_at)
);
COMMENT ON COLUMN ops.event_requests.requester IS 'who was authenticated: customer:<customer_id> or user:<user name>';
-- The duplicate check: live requests of one customer.
CREATE INDEX event_requests_customer_email ON ops.event_requests (customer_email, starts_at);
CREATE INDEX event_requests_customer_id ON ops.event_requests (customer_id) WHERE customer_id IS NOT NULL;
-- The list, newest first, with or without a status.
CREATE INDEX event_requests_received_at ON ops.event_requests (received_at DESC, request_id);
CREATE INDEX event_requests_status ON ops.event_requests (status, received_at DESC);
-- The sweep for requests that no run has taken up: empty nearly always, looked at every few seconds.
CREATE INDEX event_requests_waiting ON ops.event_requests (received_at)
    WHERE status = 'received' AND dag_run_id IS NULL;
CREATE INDEX event_requests_purge_after ON ops.event_requests (purge_after) WHERE purge_after IS NOT NULL;

CREATE FUNCTION ops.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON ops.event_requests
    FOR EACH ROW EXECUTE FUNCTION ops.touch_updated_at();

CREATE TABLE ops.event_steps (
    request_id  text NOT NULL REFERENCES ops.event_requests,
    attempt     integer NOT NULL CHECK (attempt > 0),
    step        text NOT NULL,
    state       text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'undoing', 'undone')),
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    detail      jsonb,
    PRIMARY KEY (request_id, attempt, step)
);

CREATE TABLE ops.event_effects (
    request_id text NOT NULL REFERENCES ops.event_requests,
    effect_key text NOT NULL,
    state      text NOT NULL CHECK (state IN ('sending', 'sent', 'failed')),
    reference  text,
    at         timestamptz NOT NULL DEFAULT now(),
    detail     jsonb,
    PRIMARY KEY (request_id, effect_key)
);
COMMENT ON TABLE ops.event_effects IS 'one row per message, so that a retry does not send it twice';

CREATE TABLE ops.event_guides (
    request_id text PRIMARY KEY REFERENCES ops.event_requests,
    token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    language   text NOT NULL CHECK (language IN ('ko', 'en')),
    html       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ops.event_ratings (
    request_id text PRIMARY KEY REFERENCES ops.event_requests,
    token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    score      integer CHECK (score BETWEEN 1 AND 5),
    comment    text,
    rated_at   timestamptz
);

CREATE TABLE ops.event_archives (
    request_id  text NOT NULL REFERENCES ops.event_requests,
    archived_at timestamptz NOT NULL DEFAULT now(),
    path        text NOT NULL,
    sha256      text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    row_counts  jsonb NOT NULL,
    purge_after timestamptz NOT NULL,
    purged_at   timestamptz,
    PRIMARY KEY (request_id, archived_at)
);
CREATE INDEX event_archives_due ON ops.event_archives (purge_after) WHERE purged_at IS NULL;
"""

# Customers and keys are written by ops_migrator alone (a member of the owner): issuing a key is an administrator's act.
GRANTS = """
GRANT USAGE ON SCHEMA ops TO ops_tasks, ops_console, ops_engine, ops_auditor;

GRANT SELECT ON ops.customers TO ops_tasks, ops_console;
GRANT SELECT, INSERT, UPDATE ON ops.event_requests, ops.event_steps, ops.event_effects, ops.event_archives
    TO ops_tasks;
-- A rollback or a purge leaves no guide and no rating link behind.
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.event_guides, ops.event_ratings TO ops_tasks;

GRANT SELECT ON ops.api_keys, ops.event_requests, ops.event_steps, ops.event_effects, ops.event_guides,
    ops.event_ratings, ops.event_archives TO ops_console;
GRANT UPDATE (last_used_at) ON ops.api_keys TO ops_console;
GRANT INSERT, UPDATE ON ops.event_requests TO ops_console;
GRANT UPDATE (score, comment, rated_at) ON ops.event_ratings TO ops_console;

-- The engine starts runs: it sees what waits and writes down which run has it.
GRANT SELECT ON ops.event_requests TO ops_engine;
GRANT UPDATE (dag_run_id) ON ops.event_requests TO ops_engine;
"""

DROP = """
DROP TABLE ops.event_archives, ops.event_ratings, ops.event_guides, ops.event_effects, ops.event_steps,
    ops.event_requests, ops.api_keys, ops.customers;
DROP FUNCTION ops.touch_updated_at();
DROP EXTENSION pg_trgm;
REVOKE USAGE ON SCHEMA ops FROM ops_tasks, ops_console, ops_engine, ops_auditor;
"""


def upgrade() -> None:
    """Create the tables and give each role what it needs."""
    run(TABLES)
    run(GRANTS)


def downgrade() -> None:
    """Remove the tables with everything in them."""
    run(DROP)
