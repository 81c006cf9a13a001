"""Names that a model gives itself: words, answers, evidence."""
