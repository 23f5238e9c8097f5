"""What the checks of the ledger found can be looked up by the engine, for its metrics."""

from include.store.migrations.statements import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Asked every few seconds: without the index the engine would read the whole ledger each time.
UPGRADE = """
GRANT SELECT (action) ON ops.ledger TO ops_engine;
CREATE INDEX ledger_checks ON ops.ledger (entry_id) WHERE action IN ('ledger.verified', 'ledger.tampered');
"""

DOWNGRADE = """
DROP INDEX ops.ledger_checks;
REVOKE SELECT (action) ON ops.ledger FROM ops_engine;
"""


def upgrade() -> None:
    """Grant it."""
    run(UPGRADE)


def downgrade() -> None:
    """Take it back."""
    run(DOWNGRADE)
