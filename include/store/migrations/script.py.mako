"""${message}."""

from include.store.migrations.statements import run

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say what the next version needs."""
    run("""${upgrades or ""}""")


def downgrade() -> None:
    """Take it back."""
    run("""${downgrades or ""}""")
