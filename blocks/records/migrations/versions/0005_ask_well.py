"""let approvals remind, escalate, ask for changes and be told outside."""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The columns come with their tables."""
