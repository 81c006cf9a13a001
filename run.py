"""Make the project's own environment in .venv, then run one of its commands there.

python3 run.py demo | test | test-slow | lint | docs | watch | zoo | env [ARGUMENTS...]

The site of the documents has an environment of its own in .venv-docs.

Standard library only, so that it runs on a bare machine with Python 3.11 or later.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
BIN = VENV / SCRIPTS
DOCS_VENV, DOCS_LOCK = ROOT / ".venv-docs", "requirements-docs.lock"
PYTHON = str(BIN / "python")
# each command: the lock it needs, then what is run, in order
COMMANDS: dict[str, tuple[str, list[list[str]]]] = {
    "demo": ("requirements.lock", [[PYTHON, "-m", "demo"]]),
    "watch": ("requirements.lock", [[PYTHON, "-m", "bot", "watch"]]),
    "zoo": ("requirements.lock", [[PYTHON, "-m", "bench.zoo"]]),
    "env": ("requirements.lock", []),
    "test": ("requirements-dev.lock", [[PYTHON, "-m", "pytest", "-m", "not online and not slow"]]),
    "test-slow": ("requirements-dev.lock", [[PYTHON, "-m", "pytest", "-m", "slow"]]),
    "docs": (DOCS_LOCK, [[str(DOCS_VENV / SCRIPTS / "mkdocs"), "build"]]),
    "lint": (
        "requirements-dev.lock",
        [
            [PYTHON, "-m", "ruff", "format", "--check", "."],
            [PYTHON, "-m", "ruff", "check", "."],
            [PYTHON, "-m", "mypy"],
            [str(BIN / "lint-imports"), "--no-cache"],
        ],
    ),
}


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what leads pip or Python to another installation.

    Python may store compiled modules: the tests start hundreds of processes.
    """
    drop = {"PYTHONPATH", "PYTHONHOME", "PIP_USER", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
    return {k: v for k, v in os.environ.items() if k not in drop}


def environment(lock: str) -> Path:
    """Return the folder of the environment that a lock is for."""
    return DOCS_VENV if lock == DOCS_LOCK else VENV


def build(lock: str) -> None:
    """Install `lock` into its environment, which is made anew; the project too, except beside the documents' tools."""
    place = environment(lock)
    print(f"setting up {place.name} from {lock} ...", flush=True)
    try:
        venv.create(place, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"run.py: no virtual environment could be made ({error}); on Debian: apt install python3-venv")
    pip = [str(place / SCRIPTS / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    project = [] if lock == DOCS_LOCK else [["--no-deps", "--no-build-isolation", "-e", "."]]
    for step in (["--require-hashes", "-r", lock], *project):
        if subprocess.run([*pip, *step], cwd=ROOT, env=clean_environment(), check=False).returncode:
            sys.exit(f"run.py: pip could not install {' '.join(step)}; its own message stands above")


def ensure(lock: str) -> None:
    """Bring the environment to the state that `lock` asks for; the developers' lock holds all of the runtime's."""
    stamp = environment(lock) / "stamp"
    have = stamp.read_text().splitlines() if stamp.exists() else []
    project = (ROOT / "pyproject.toml").read_bytes()

    def mark(name: str) -> str:
        return hashlib.sha256((ROOT / name).read_bytes() + project + sys.version.encode()).hexdigest()

    if mark(lock) in have:
        return
    build(lock)
    covered = [lock, "requirements.lock"] if lock == "requirements-dev.lock" else [lock]
    stamp.write_text("\n".join(mark(name) for name in covered))


def main() -> int:
    """Run one command; returns its exit status."""
    if sys.version_info < (3, 11):
        sys.exit(f"run.py: Python 3.11 or later is needed, this is {sys.version.split()[0]}")
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"usage: python3 run.py {' | '.join(COMMANDS)} [ARGUMENTS...]")
    lock, steps = COMMANDS[sys.argv[1]]
    ensure(lock)
    status = 0
    for step in steps:
        last = sys.argv[2:] if step is steps[-1] else []
        status = subprocess.run([*step, *last], cwd=ROOT, env=clean_environment(), check=False).returncode
        if status:
            break
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
