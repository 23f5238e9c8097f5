"""The ledger: insert only, hash-chained, written through one function."""

from include.store.migrations.statements import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The canonical form of an entry is described, and computed a second time, in include/store/ledger_hash.py. Both hash
# PostgreSQL's own text of the jsonb columns, so that no second JSON printer can disagree about numbers or key order.
LEDGER = """
CREATE TABLE ops.ledger (
    entry_id    bigint PRIMARY KEY CHECK (entry_id > 0),
    at          timestamptz NOT NULL,
    actor       text NOT NULL CHECK (actor <> ''),
    action      text NOT NULL CHECK (action <> ''),
    target      text NOT NULL CHECK (target <> ''),
    reason      text NOT NULL,
    before      jsonb,
    after       jsonb,
    recorded_by text NOT NULL,
    prev_hash   bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
    entry_hash  bytea NOT NULL UNIQUE CHECK (octet_length(entry_hash) = 32)
);
COMMENT ON COLUMN ops.ledger.actor IS 'who did it, as the calling process authenticated them';
COMMENT ON COLUMN ops.ledger.recorded_by IS 'the database log-in that wrote the entry; no caller can choose it';
CREATE INDEX ledger_target ON ops.ledger (target, entry_id);
CREATE INDEX ledger_at ON ops.ledger (at);

CREATE TABLE ops.ledger_anchors (
    head_entry_id bigint NOT NULL,
    head_hash     bytea NOT NULL CHECK (octet_length(head_hash) = 32),
    at            timestamptz NOT NULL DEFAULT now(),
    where_to      text NOT NULL UNIQUE
);

CREATE FUNCTION ops.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is insert only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'Write another entry that corrects the first.';
END $$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ops.ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ops.ledger_anchors
    FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON ops.ledger, ops.ledger_anchors FROM ops_owner;
"""

APPEND = """
CREATE FUNCTION ops.ledger_field(value bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN value IS NULL THEN int8send(-1) ELSE int8send(octet_length(value)) || value END;

CREATE FUNCTION ops.ledger_entry_hash(entry ops.ledger) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256(
        ops.ledger_field('platform-ops-ledger-v1'::bytea)
        || ops.ledger_field((entry).prev_hash)
        || ops.ledger_field(int8send((entry).entry_id))
        || ops.ledger_field(int8send((extract(epoch FROM (entry).at) * 1000000)::bigint))
        || ops.ledger_field(convert_to((entry).actor, 'UTF8'))
        || ops.ledger_field(convert_to((entry).action, 'UTF8'))
        || ops.ledger_field(convert_to((entry).target, 'UTF8'))
        || ops.ledger_field(convert_to((entry).reason, 'UTF8'))
        || ops.ledger_field(convert_to((entry).before::text, 'UTF8'))
        || ops.ledger_field(convert_to((entry).after::text, 'UTF8'))
        || ops.ledger_field(convert_to((entry).recorded_by, 'UTF8')));

CREATE FUNCTION ops.append_ledger_entry(
    p_actor text, p_action text, p_target text, p_reason text, p_before jsonb, p_after jsonb)
    RETURNS TABLE (entry_id bigint, at timestamptz, entry_hash bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    entry ops.ledger;
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'the ledger is appended to in read committed transactions, this one is %',
            current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- One writer at a time until its commit: no gap, no fork. The next statement sees the new head.
    PERFORM pg_advisory_xact_lock(7305003);
    SELECT l.entry_id + 1, l.entry_hash INTO entry.entry_id, entry.prev_hash
        FROM ops.ledger AS l ORDER BY l.entry_id DESC LIMIT 1;
    IF NOT FOUND THEN
        entry.entry_id := 1;
        entry.prev_hash := decode(repeat('00', 32), 'hex');
    END IF;
    entry.at := clock_timestamp();
    entry.actor := p_actor;
    entry.action := p_action;
    entry.target := p_target;
    entry.reason := p_reason;
    entry.before := p_before;
    entry.after := p_after;
    entry.recorded_by := session_user;
    entry.entry_hash := ops.ledger_entry_hash(entry);
    INSERT INTO ops.ledger SELECT entry.*;
    RETURN QUERY SELECT entry.entry_id, entry.at, entry.entry_hash;
END $$;
REVOKE EXECUTE ON FUNCTION ops.append_ledger_entry, ops.ledger_entry_hash, ops.ledger_field, ops.refuse_change
    FROM PUBLIC;
"""

GRANTS = """
GRANT EXECUTE ON FUNCTION ops.append_ledger_entry TO ops_tasks, ops_console, ops_engine;
GRANT SELECT ON ops.ledger, ops.ledger_anchors TO ops_tasks, ops_console, ops_auditor;
-- The hourly anchor is published by a task, and by hand by the auditor.
GRANT INSERT ON ops.ledger_anchors TO ops_tasks, ops_auditor;
"""

DROP = """
DROP FUNCTION ops.append_ledger_entry;
DROP FUNCTION ops.ledger_entry_hash;
DROP FUNCTION ops.ledger_field;
DROP TABLE ops.ledger_anchors, ops.ledger;
DROP FUNCTION ops.refuse_change();
"""


def upgrade() -> None:
    """Create the ledger and the only way to write it."""
    run(LEDGER)
    run(APPEND)
    run(GRANTS)


def downgrade() -> None:
    """Remove the ledger. Its anchors outside stay and go on telling that it was there."""
    run(DROP)
