"""Events of repositories, conditions of the operator, evidence, and cases that alerts opened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the new tables and columns."""
    op.add_column("cursors", sa.Column("began_at", sa.DateTime(timezone=True)))
    op.add_column("uploads", sa.Column("silent", sa.Boolean, nullable=False, server_default=sa.false()))
    _happenings()
    _cases()


def _happenings() -> None:
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


def _cases() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("upload_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("gated", sa.Boolean, nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name="fk_evidence_upload_id"),
        sa.UniqueConstraint("upload_id", "kind", "digest", name="uq_evidence_upload_id"),
    )
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String, nullable=False),
        sa.Column("upload_id", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("method", sa.String, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name="pk_cases"),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name="fk_cases_upload_id"),
        sa.CheckConstraint("state IN ('open', 'retracted')", name=op.f("ck_cases_known_state")),
    )
    op.create_table(
        "case_notes",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("case_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("unique_key", sa.String, nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_case_notes"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_case_notes_case_id"),
        sa.UniqueConstraint("unique_key", name="uq_case_notes_unique_key"),
    )
