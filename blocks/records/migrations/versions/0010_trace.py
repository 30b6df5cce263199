"""say which trace a project and its attempts belong to; find the steps of the last hour."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("projects", "attempts"):
        op.add_column(table, sa.Column("trace", sa.String(), nullable=True))
    op.create_index("agent_steps_by_time", "agent_steps", ["at"])
