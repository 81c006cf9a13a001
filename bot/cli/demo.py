"""blendwatch demo: the whole service on a small Hub of its own."""

from __future__ import annotations

from importlib import import_module

from bot.cli.common import one_line_errors


def demo() -> None:
    """Run the watch on tiny models with planted ancestry, on this machine alone; a minute, without network or keys."""
    with one_line_errors():
        import_module("demo.__main__").main()  # by name: the demo stands on the bot, never the bot on it
