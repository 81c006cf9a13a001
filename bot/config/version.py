"""Which version of this program runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def this_release() -> str:
    """The version, as the installed package says."""
    try:
        return version("blendwatch")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "(not installed)"
