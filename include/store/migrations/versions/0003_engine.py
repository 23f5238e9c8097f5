"""What the engine may do besides starting runs: close a request that Airflow refuses, and count."""

from include.store.migrations.statements import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Of the ledger it sees when entries were made, for its metrics, and nothing of what they say.
GRANTS = """
GRANT UPDATE (status, error, finished_at) ON ops.event_requests TO ops_engine;
GRANT SELECT (entry_id, at) ON ops.ledger TO ops_engine;
GRANT SELECT (head_entry_id) ON ops.ledger_anchors TO ops_engine;
"""

REVOKES = """
REVOKE UPDATE (status, error, finished_at) ON ops.event_requests FROM ops_engine;
REVOKE SELECT (entry_id, at) ON ops.ledger FROM ops_engine;
REVOKE SELECT (head_entry_id) ON ops.ledger_anchors FROM ops_engine;
"""


def upgrade() -> None:
    """Grant it."""
    run(GRANTS)


def downgrade() -> None:
    """Take it back."""
    run(REVOKES)
