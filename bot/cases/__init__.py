"""Cases after their alert: changes, notes, corrections, questions to the model."""
