"""Broken input of every kind: a value or one named error each, in bounded time and memory, and never a crash."""
