"""Publications of cases, remarks of people, and subscriptions of channels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables. Types are spelled out: this revision stays as it is when the tables change."""
    still_open = sa.text("state NOT IN ('sent', 'dead')")
    op.create_index("ix_outbox_open", "outbox", ["id"], sqlite_where=still_open, postgresql_where=still_open)
    _subscriptions()
    _publications()
    _remarks()
    _mutes()
    op.create_table(
        "marks",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        _time("changed_at"),
        sa.PrimaryKeyConstraint("name", name="pk_marks"),
    )


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("guild_id", sa.String, nullable=False),
        sa.Column("channel_id", sa.String, nullable=False),
        sa.Column("role_id", sa.String),
        sa.Column("filters", sa.JSON, nullable=False),
        sa.Column("locale", sa.String, nullable=False),
        sa.Column("announce", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("channel_id", name="uq_subscriptions_channel_id"),
    )
    op.create_index("ix_subscriptions_guild_id", "subscriptions", ["guild_id"])


def _publications() -> None:
    standings = "'review', 'published', 'rejected', 'kept'"
    op.create_table(
        "publications",
        sa.Column("case_id", sa.String, nullable=False),
        sa.Column("repo_key", sa.String, nullable=False),
        sa.Column("standing", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _time("decided_at", nullable=True),
        _time("remind_at", nullable=True),
        sa.Column("reminders", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("case_id", name="pk_publications"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_publications_case_id"),
        sa.CheckConstraint(f"standing IN ({standings})", name=op.f("ck_publications_known_standing")),
    )
    op.create_index("ix_publications_repo_key", "publications", ["repo_key"])
    op.create_index("ix_publications_standing_remind_at", "publications", ["standing", "remind_at"])


def _remarks() -> None:
    kinds = "'publish', 'reject', 'retract', 'acknowledge', 'dismiss', 'answer'"
    op.create_table(
        "remarks",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("case_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("scope", sa.String, nullable=False),
        sa.Column("by_user", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        _time("created_at"),
        sa.Column("decided_by", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_remarks"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_remarks_case_id"),
        sa.UniqueConstraint("case_id", "kind", "scope", "by_user", name="uq_remarks_case_id"),
        sa.CheckConstraint(f"kind IN ({kinds})", name=op.f("ck_remarks_known_kind")),
        sa.CheckConstraint("state IN ('open', 'accepted', 'refused', 'done')", name=op.f("ck_remarks_known_state")),
    )


def _mutes() -> None:
    op.create_table(
        "mutes",
        sa.Column("guild_id", sa.String, nullable=False),
        sa.Column("organisation", sa.String, nullable=False),
        _time("until"),
        sa.Column("by_user", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("guild_id", "organisation", name="pk_mutes"),
    )
