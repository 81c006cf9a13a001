"""Known models as references: index, dates, verification."""
