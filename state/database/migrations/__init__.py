"""How the tables came to be, one revision after another, run by Alembic."""
