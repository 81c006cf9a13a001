"""The log of proofs: its entries, the hashes of its tree, its checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables. What was kept before is not entered: nothing shows when that was."""
    op.create_table(
        "log_entries",
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("upload_id", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("text", sa.Text),
        sa.PrimaryKeyConstraint("number", name="pk_log_entries"),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name="fk_log_entries_upload_id"),
    )
    op.create_index("ix_log_entries_upload_id", "log_entries", ["upload_id"])
    op.create_table(
        "log_nodes",
        sa.Column("level", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name="pk_log_nodes"),
    )
    op.create_table(
        "log_checkpoints",
        sa.Column("size", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("root", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("token", sa.Text),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_log_checkpoints"),
    )
