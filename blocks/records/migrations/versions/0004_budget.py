"""keep accounts of what projects may use up."""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The accounts come with their tables."""
