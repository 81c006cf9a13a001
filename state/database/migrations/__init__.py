"""Revisions of the tables, one after another, run by Alembic."""
