"""Tables in SQLAlchemy Core. A change here needs a revision in migrations/; a test compares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.types import BigInteger

from state.case_records import RemarkKind, RemarkState, ReviewState
from state.errors import StateError
from state.records import AlertState, CaseState, UploadState


class UtcTime(TypeDecorator[datetime]):
    """Point in time. A time without a zone is refused; values come back in UTC with their zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; SQLite stores no zone, so drop it there."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise StateError(f"the time {value.isoformat()} has no time zone, so it cannot be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Restore the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Key = String().with_variant(String(collation="C"), "postgresql")  # sorts by code points, so that prefixes are ranges


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """Constrain `column` to one of `values`."""
    allowed = ", ".join(f"'{v}'" for v in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"known_{column}")


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

MARK = "mark: "  # prefix of a cursor that belongs to no listing

cursors = Table(
    "cursors",
    metadata,
    Column("feed", String, primary_key=True),
    Column("read_to", UtcTime, nullable=False),
    Column("moved_at", UtcTime, nullable=False),  # last complete reading, with or without new entries
    Column("began_at", UtcTime),  # start of its first reading; None: an earlier version did not record it
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Integer, primary_key=True),
    # The identity of an upload. A listing may give no revision (""), and the judged revision is found
    # later: it has its own column, so that reading the listing again still meets this row.
    Column("identity", String, nullable=False),  # hub_id, else repo_id in lower case
    Column("listed_revision", String, nullable=False),
    Column("repo_id", String, nullable=False),
    Column("repo_key", String, nullable=False),  # repo_id in lower case: the Hub ignores case
    Column("hub_id", String),
    Column("revision", String),
    Column("created_at", UtcTime, nullable=False),
    Column("parameters", BigInteger),
    Column("gated", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("retry_at", UtcTime),
    Column("first_seen", UtcTime, nullable=False),
    Column("settled_at", UtcTime),
    Column("report", JSON(none_as_null=True)),
    Column("weights_digest", String),
    Column("silent", Boolean, nullable=False, server_default=false()),  # seeded: remembered, never alerted
    Column("finding", String),  # kind of a judged upload's finding, which outlives its report; None if not judged
    UniqueConstraint("identity", "listed_revision"),
    one_of("state", get_args(UploadState)),
    Index("ix_uploads_state_retry_at", "state", "retry_at"),
    Index("ix_uploads_state_settled_at", "state", "settled_at"),
    Index("ix_uploads_repo_key", "repo_key"),
    Index("ix_uploads_created_at", "created_at"),
    Index("ix_uploads_weights_digest", "weights_digest"),
)

# Spelled out and not bound: only then does SQLite see that the partial index holds the query's rows. Negated, because
# no other index answers that: messages are found one by one in their order, however many there are.
STILL_OPEN = text("state NOT IN ('sent', 'dead')")
ARRIVED = text("sent_at IS NOT NULL")  # partial, so that no query of open messages takes this index
NOTIFIED = "; the operator was told"  # ends the last error of a given-up message once reported
UNREPORTED = text(f"state = 'dead' AND last_error NOT LIKE '%{NOTIFIED}'")

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dedupe_key", Key, nullable=False),
    Column("destination", String, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("leased_until", UtcTime),
    Column("message_id", String),
    Column("last_error", Text),
    Column("upload_id", Integer, ForeignKey("uploads.id")),
    Column("created_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    UniqueConstraint("dedupe_key"),
    one_of("state", get_args(AlertState)),
    Index("ix_outbox_state_next_at", "state", "next_at"),
    Index("ix_outbox_upload_id", "upload_id"),
    Index("ix_outbox_destination_sent_at", "destination", "sent_at", sqlite_where=ARRIVED, postgresql_where=ARRIVED),
    Index("ix_outbox_message_id", "message_id"),
    Index("ix_outbox_open", "id", sqlite_where=STILL_OPEN, postgresql_where=STILL_OPEN),
    Index("ix_outbox_unreported", "id", sqlite_where=UNREPORTED, postgresql_where=UNREPORTED),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("identity", String, nullable=False),
    Column("repo_id", String, nullable=False),
    Column("repo_key", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("unique_key", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    UniqueConstraint("unique_key"),
    Index("ix_events_identity", "identity"),
    Index("ix_events_repo_key", "repo_key"),
)

conditions = Table(
    "conditions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("began_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Index("ix_conditions_name", "name"),
    Index("ix_conditions_ended_at", "ended_at"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("upload_id", Integer, ForeignKey("uploads.id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("gated", Boolean, nullable=False),  # kept, never shown
    Column("kept_at", UtcTime, nullable=False),
    UniqueConstraint("upload_id", "kind", "digest"),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", Key, primary_key=True),
    Column("upload_id", Integer, ForeignKey("uploads.id"), nullable=False),
    Column("state", String, nullable=False),
    Column("method", String, nullable=False),  # method that drew the last verdict
    Column("report", JSON, nullable=False),  # of the alert
    Column("opened_at", UtcTime, nullable=False),
    Column("asked_at", UtcTime, nullable=False),  # last follow-up
    Column("due_at", UtcTime),  # next follow-up; None: there is none
    one_of("state", get_args(CaseState)),
    Index("ix_cases_upload_id", "upload_id"),
    Index("ix_cases_opened_at", "opened_at"),
    Index("ix_cases_due_at", "due_at"),
    Index("ix_cases_state_method", "state", "method"),
)

case_notes = Table(
    "case_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", String, ForeignKey("cases.case_id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("unique_key", String, nullable=False),
    Column("noted_at", UtcTime, nullable=False),
    UniqueConstraint("unique_key"),
    Index("ix_case_notes_case_id", "case_id"),
    Index("ix_case_notes_kind_noted_at", "kind", "noted_at"),
)

publications = Table(  # review state of each case, where a bot posts cases
    "publications",
    metadata,
    Column("case_id", String, ForeignKey("cases.case_id"), primary_key=True),
    Column("repo_key", String, nullable=False),  # repo_id in lower case
    Column("standing", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", UtcTime),
    Column("remind_at", UtcTime),
    Column("reminders", Integer, nullable=False),
    one_of("standing", get_args(ReviewState)),
    Index("ix_publications_repo_key", "repo_key"),
    Index("ix_publications_standing_remind_at", "standing", "remind_at"),
)

remarks = Table(
    "remarks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", String, ForeignKey("cases.case_id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("scope", String, nullable=False),  # the server it holds for; "" for everywhere
    Column("by_user", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("decided_by", String),
    UniqueConstraint("case_id", "kind", "scope", "by_user"),
    one_of("kind", get_args(RemarkKind)),
    one_of("state", get_args(RemarkState)),
)

mutes = Table(
    "mutes",
    metadata,
    Column("guild_id", String, primary_key=True),
    Column("organisation", String, primary_key=True),  # in lower case
    Column("until", UtcTime, nullable=False),
    Column("by_user", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

counts = Table(  # rows of uploads and outbox by state and finding; triggers of the database keep it
    "counts",
    metadata,
    Column("name", String, primary_key=True),  # alerts, findings, uploads
    Column("label", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    Column("name", Key, primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("guild_id", String, nullable=False),
    Column("channel_id", String, nullable=False),  # or a thread's: Discord numbers both alike
    Column("role_id", String),
    Column("filters", JSON, nullable=False),
    Column("locale", String, nullable=False),
    Column("announce", Boolean, nullable=False),  # an announcement channel: Discord passes posts on to followers
    Column("created_by", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("channel_id"),
    Index("ix_subscriptions_guild_id", "guild_id"),
)

log_entries = Table(  # what was kept and said, in the order of the log; see state/proof
    "log_entries",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 0
    Column("kind", String, nullable=False),
    Column("upload_id", Integer, ForeignKey("uploads.id"), nullable=False),
    Column("sha256", String, nullable=False),  # of the content
    Column("text", Text),  # canonical JSON; its SHA-256 is the leaf; None: erased
    Index("ix_log_entries_upload_id", "upload_id"),
)

log_nodes = Table(  # roots of the complete subtrees; the leaves' hashes are level 0
    "log_nodes",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("hash", String, nullable=False),  # 64 hex digits
)

log_checkpoints = Table(
    "log_checkpoints",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),  # number of entries
    Column("root", String, nullable=False),  # 64 hex digits
    Column("note", Text, nullable=False),  # C2SP signed note
    Column("token", Text),  # RFC 3161 answer of a time server, in hex
    Column("made_at", UtcTime, nullable=False),
)
