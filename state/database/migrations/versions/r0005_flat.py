"""Indexes and counters that keep every query of a pass flat, and times of follow-ups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INDEXES = (
    ("uploads", "state", "settled_at"),
    ("uploads", "created_at"),
    ("uploads", "weights_digest"),
    ("outbox", "message_id"),
    ("conditions", "ended_at"),
    ("cases", "upload_id"),
    ("cases", "opened_at"),
    ("cases", "due_at"),
    ("cases", "state", "method"),
    ("case_notes", "case_id"),
    ("case_notes", "kind", "noted_at"),
)
SORTED = (("outbox", "dedupe_key"), ("cases", "case_id"), ("marks", "name"))  # by code points: prefixes are ranges
UNREPORTED = "state = 'dead' AND last_error NOT LIKE '%; the operator was told'"
COUNTED = (("uploads", "uploads", "state"), ("uploads", "findings", "finding"), ("outbox", "alerts", "state"))


def upgrade() -> None:
    """Add columns, indexes and counters. Triggers count, so that no statement can forget to."""
    op.add_column("uploads", sa.Column("finding", sa.String))
    op.add_column("cases", sa.Column("due_at", sa.DateTime(timezone=True)))
    postgresql = op.get_bind().dialect.name == "postgresql"
    finding = "report->>'finding'" if postgresql else "json_extract(report, '$.finding')"
    op.execute(f"UPDATE uploads SET finding = coalesce({finding}, 'unknown') WHERE state = 'found'")  # noqa: S608
    op.execute("UPDATE cases SET due_at = asked_at WHERE state = 'open'")
    for table, column in SORTED if postgresql else ():
        op.execute(f'ALTER TABLE {table} ALTER COLUMN {column} TYPE varchar COLLATE "C"')
    for table, *columns in INDEXES:
        op.create_index("_".join(("ix", table, *columns)), table, columns)
    _partial("ix_outbox_unreported", ["id"], UNREPORTED)
    _partial("ix_outbox_destination_sent_at", ["destination", "sent_at"], "sent_at IS NOT NULL")
    op.create_table(
        "counts",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", "label", name="pk_counts"),
    )
    for table, name, column in COUNTED:
        op.execute(
            f"INSERT INTO counts SELECT '{name}', {column}, count(*) FROM {table}"  # noqa: S608
            f" WHERE {column} IS NOT NULL GROUP BY {column}"
        )
        for statement in _postgresql(table, name, column) if postgresql else _sqlite(table, name, column):
            op.execute(statement)


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "outbox", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _sqlite(table: str, name: str, column: str) -> list[str]:
    def add(row: str, by: str) -> str:
        there = f"{row}.{column} IS NOT NULL"
        return (
            f"INSERT INTO counts SELECT '{name}', {row}.{column}, 0 WHERE {there} AND NOT EXISTS"  # noqa: S608
            f" (SELECT 1 FROM counts WHERE name = '{name}' AND label = {row}.{column});"
            f" UPDATE counts SET number = number {by} WHERE name = '{name}' AND label = {row}.{column};"
        )

    body = {
        "INSERT": add("NEW", "+ 1"),
        "DELETE": add("OLD", "- 1"),
        f"UPDATE OF {column}": add("OLD", "- 1") + " " + add("NEW", "+ 1"),
    }
    return [
        f"CREATE TRIGGER count_{name}_{act[:6].lower()} AFTER {act} ON {table} BEGIN {does} END"
        for act, does in body.items()
    ]


def _postgresql(table: str, name: str, column: str) -> list[str]:
    """Return statements whose trigger locks counters in one order, so that two transactions cannot lock each other."""
    function = f"""
    CREATE FUNCTION count_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE changed record;
    BEGIN
      FOR changed IN
        SELECT label, sum(change) AS change FROM (
          SELECT OLD.{column} AS label, -1 AS change WHERE TG_OP <> 'INSERT'
          UNION ALL SELECT NEW.{column}, 1 WHERE TG_OP <> 'DELETE'
        ) AS change_of WHERE label IS NOT NULL GROUP BY label HAVING sum(change) <> 0 ORDER BY label
      LOOP
        INSERT INTO counts AS kept VALUES ('{name}', changed.label, changed.change)
          ON CONFLICT (name, label) DO UPDATE SET number = kept.number + EXCLUDED.number;
      END LOOP;
      RETURN NULL;
    END $$"""  # noqa: S608
    trigger = (
        f"CREATE TRIGGER count_{name} AFTER INSERT OR DELETE OR UPDATE OF {column} ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION count_{name}()"
    )
    return [function, trigger]
