"""The database: engine, tables, migrations, small key-value facts."""
