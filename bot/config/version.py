"""The version of this program."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def this_release() -> str:
    """Return the version of the installed package."""
    try:
        return version("blendwatch")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "(not installed)"
