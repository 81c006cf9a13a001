"""Libraries that an extra of the package brings, and the sentence where one is missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

# each import by the name of its library and of the extra
EXTRAS: Final[Mapping[str, tuple[str, str]]] = {
    "apprise": ("apprise", "channels"),
    "discord": ("discord.py", "discord"),
    "distributed": ("distributed", "cluster"),
    "PIL": ("pillow", "charts"),
    "rfc3161_client": ("rfc3161-client", "timestamps"),
}


def installed(module: str) -> bool:
    """Return whether a library is there, without importing it."""
    return find_spec(module) is not None


def command(module: str) -> str:
    """Return the command that installs a library; KeyError where no extra brings it."""
    return f"pip install 'blendwatch[{EXTRAS[module][1]}]'"


def missing(error: ModuleNotFoundError) -> str:
    """Return which library is missing, and what installs it."""
    module = str(error.name).partition(".")[0]
    if module not in EXTRAS:
        return f"this needs {module}, which is not installed: install blendwatch anew"
    return f"this needs {EXTRAS[module][0]}, which is not installed: {command(module)}"
