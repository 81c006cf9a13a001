"""Asking a model its name, wherever somebody serves it: the room that knows inference servers."""
