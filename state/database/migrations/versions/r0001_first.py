"""Cursors, uploads and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table. Types are spelled out: this revision stays as it is when the tables change."""
    _cursors()
    _uploads()
    _outbox()


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _cursors() -> None:
    op.create_table(
        "cursors",
        sa.Column("feed", sa.String, nullable=False),
        _time("read_to"),
        _time("moved_at"),
        sa.PrimaryKeyConstraint("feed", name="pk_cursors"),
    )


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("identity", sa.String, nullable=False),
        sa.Column("listed_revision", sa.String, nullable=False),
        sa.Column("repo_id", sa.String, nullable=False),
        sa.Column("repo_key", sa.String, nullable=False),
        sa.Column("hub_id", sa.String),
        sa.Column("revision", sa.String),
        _time("created_at"),
        sa.Column("parameters", sa.BigInteger),
        sa.Column("gated", sa.Boolean, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        _time("retry_at", nullable=True),
        _time("first_seen"),
        _time("settled_at", nullable=True),
        sa.Column("report", sa.JSON),
        sa.Column("weights_digest", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
        sa.UniqueConstraint("identity", "listed_revision", name="uq_uploads_identity"),
        sa.CheckConstraint("state IN ('pending', 'found', 'skipped', 'failed')", name=op.f("ck_uploads_known_state")),
    )
    op.create_index("ix_uploads_state_retry_at", "uploads", ["state", "retry_at"])
    op.create_index("ix_uploads_repo_key", "uploads", ["repo_key"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("dedupe_key", sa.String, nullable=False),
        sa.Column("destination", sa.String, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        _time("next_at"),
        _time("leased_until", nullable=True),
        sa.Column("message_id", sa.String),
        sa.Column("last_error", sa.Text),
        sa.Column("upload_id", sa.Integer),
        _time("created_at"),
        _time("sent_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name="fk_outbox_upload_id"),
        sa.UniqueConstraint("dedupe_key", name="uq_outbox_dedupe_key"),
        sa.CheckConstraint("state IN ('pending', 'sending', 'sent', 'dead')", name=op.f("ck_outbox_known_state")),
    )
    op.create_index("ix_outbox_state_next_at", "outbox", ["state", "next_at"])
    op.create_index("ix_outbox_upload_id", "outbox", ["upload_id"])
