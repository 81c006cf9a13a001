"""What happened to repositories, what an operator was told, and when each feed began to be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the new tables and columns."""
    with op.batch_alter_table("cursors") as cursors:
        cursors.add_column(sa.Column("began_at", sa.DateTime(timezone=True)))
        cursors.add_column(sa.Column("asked_at", sa.DateTime(timezone=True)))
    with op.batch_alter_table("uploads") as uploads:
        uploads.add_column(sa.Column("silent", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("identity", sa.String, nullable=False),
        sa.Column("repo_id", sa.String, nullable=False),
        sa.Column("repo_key", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("unique_key", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("unique_key", name="uq_events_unique_key"),
    )
    op.create_index("ix_events_identity", "events", ["identity"])
    op.create_index("ix_events_repo_key", "events", ["repo_key"])
    op.create_table(
        "conditions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_conditions"),
    )
    op.create_index("ix_conditions_name", "conditions", ["name"])
