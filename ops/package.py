"""Build the sdist and, from it, the wheel, without network: python -m ops.package FOLDER, from .venv."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
BUILD: Final = "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"


class Wrong(Exception):
    """Something did not end as it should; the text says how."""


def sh(command: list[str], cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=900)  # noqa: S603


def must(command: list[str], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command; returns its standard output. Raises Wrong unless it ends with 0."""
    done = sh(command, cwd, env)
    if done.returncode:
        raise Wrong(f"{' '.join(command[:6])} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def built(place: Path) -> Path:
    """Put an sdist of this checkout, and a wheel that was built from that sdist, into a folder; return the wheel.

    Raises Wrong.
    """
    must([sys.executable, "-c", BUILD, "build_sdist", str(place)], ROOT)
    (sdist,) = place.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as name, tarfile.open(sdist) as archive:
        archive.extractall(name, filter="data")
        (source,) = Path(name).iterdir()
        must([sys.executable, "-c", BUILD, "build_wheel", str(place)], source)
    (wheel,) = place.glob("*.whl")
    return wheel


def main() -> int:
    """Build into the folder that is named, made anew where it is missing; returns the exit status."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ops.package FOLDER")
    place = Path(sys.argv[1]).resolve()
    place.mkdir(parents=True, exist_ok=True)
    print(built(place))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
