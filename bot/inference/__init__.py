"""Identity checks: ask a model its name on inference servers."""
