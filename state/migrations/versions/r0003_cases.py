"""Evidence of uploads, and the cases that alerts opened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the new tables."""
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
        sa.CheckConstraint("state IN ('open', 'retracted')", name="ck_cases_known_state"),
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
