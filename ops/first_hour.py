"""Walk the first hour of a new user in an empty environment: python -m ops.first_hour.

Builds the sdist and, from it, the wheel; installs the wheel into a new virtual environment, its libraries from the lock
with hashes; then runs the commands that a newcomer runs, once without a network and once with the loopback Hub. Ends
with 1 at the first answer that is not as it should be.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from demo.hub.server import LoopbackHub
from demo.scene import HIDDEN, RELEASE, Scene, scene
from ops.package import ROOT, Wrong, built, must, sh

BLIND_SECONDS: Final = 60.0  # until a check without a network must have said so, on a busy machine
COPY: Final = "rebrand/Phoenix"
EXTRAS: Final = ("discord.py", "pillow")


def say(text: str) -> None:
    """Print one step."""
    print(f"first hour: {text}", flush=True)  # noqa: T201


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long a step took; raises Wrong with the step's name."""
    begun = time.monotonic()
    try:
        yield
    except Wrong as wrong:
        raise Wrong(f"{what}: {wrong}") from None
    say(f"{what} ({time.monotonic() - begun:.1f} s)")


def clean() -> dict[str, str]:
    """Return this process's environment without what leads to another installation or to an operator's settings."""
    drop = ("BLENDWATCH_", "HF_", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(drop)}


@dataclass(frozen=True)
class NewModel:
    """A new virtual environment, an empty folder to work in, and a home where nobody has logged in."""

    place: Path

    @property
    def bin(self) -> Path:
        """The folder of the environment's programs."""
        return self.place / "venv" / "bin"

    @property
    def work(self) -> Path:
        """The working folder."""
        return self.place / "work"

    def install(self, wheel: Path) -> None:
        """Make the environment; nothing comes without a hash."""
        venv.create(self.place / "venv", with_pip=True)
        self.work.mkdir()
        lock = ["--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / "requirements.lock")]
        for what in (lock, ["--no-deps", "--no-index", str(wheel)]):
            self.pip("install", "--no-compile", *what)
        self.pip("check")

    def pip(self, *words: str) -> None:
        """Run the environment's pip. Raises Wrong."""
        quiet = ["-m", "pip", "--quiet", "--disable-pip-version-check"]
        must([str(self.bin / "python"), *quiet, *words], self.place, clean())

    def asks(self, words: str, status: int, first: str, **env: str) -> None:
        """Run a command of Blendwatch. Raises Wrong unless it ends with `status` and begins with `first`.

        Its first line is that of standard output, or, where there is none, that of standard error.
        """
        own = {"HOME": str(self.place), "BLENDWATCH_DATA": str(self.place / "data"), "COLUMNS": "100"}
        with timed(f"blendwatch {words}: status {status}"):
            done = sh([str(self.bin / "blendwatch"), *words.split()], self.work, clean() | own | env)
            said = (done.stdout.strip() or done.stderr.strip()).partition("\n")[0]
            if done.returncode != status or not said.startswith(first):
                raise Wrong(f"ended with {done.returncode} and {said!r}, not {first!r}; {done.stderr[-1500:]}")


def saved(cast: Scene, repo_id: str, folder: Path) -> None:
    """Write the files of a repository into a folder."""
    folder.mkdir()
    (repo,) = [each for each in cast.repos if each.repo_id == repo_id]
    for path, blob in repo.files.items():
        (folder / path).write_bytes(blob.read(0, blob.size))


def closed_port() -> int:
    """Return a port of this machine where nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
    return port


def without_network(new: NewModel) -> None:
    """Ask what needs no network, and what does: it says within a minute that it could not look."""
    new.asks("--version", 0, "blendwatch ")
    new.asks("--help", 0, "Usage: blendwatch [OPTIONS] COMMAND [ARGS]...")
    nowhere = f"http://127.0.0.1:{closed_port()}"
    begun = time.monotonic()
    for way in ({"HF_ENDPOINT": nowhere}, {"HTTPS_PROXY": nowhere}):
        new.asks("check ./model", 1, "verdict  inconclusive", **way)
    if time.monotonic() - begun > 2 * BLIND_SECONDS:
        raise Wrong("a check without a network takes too long to say so")
    new.asks("compare ./model ./model", 0, "verdict   equal", HF_ENDPOINT=nowhere)
    new.asks("check org/name", 1, "blendwatch: ", HF_ENDPOINT=nowhere)


def with_hub(new: NewModel, cast: Scene) -> None:
    """Run the demo, then check and compare what the loopback Hub has."""
    new.asks("demo", 0, "Building tiny models")
    (new.work / "known.yaml").write_text(cast.registry)
    with LoopbackHub(cast.repos) as hub:
        at = {"HF_ENDPOINT": hub.url, "BLENDWATCH_REGISTRY": "known.yaml"}
        new.asks(f"check {HIDDEN}", 3, "verdict  blend (linear), partial: alert (exact)", **at)
        new.asks("check oakridge/Taiga-1", 0, "verdict  unrelated", **at)
        new.asks(f"compare ./model {RELEASE}", 0, "verdict   equal", **at)
        new.asks("doctor", 1, "ok       settings: ", **at)  # there is no token, which deserves a look


def without_extras(new: NewModel, cast: Scene) -> None:
    """Take the extras' libraries away: alerts go to the console, and only a bot names what is missing."""
    new.pip("uninstall", "--yes", *EXTRAS)
    new.asks("notify --test", 0, "Operator: a test message")
    new.asks("demo", 0, "Building tiny models")
    with LoopbackHub(cast.repos) as hub:
        at = {"HF_ENDPOINT": hub.url, "BLENDWATCH_REGISTRY": "known.yaml"}
        new.asks("watch --once", 0, "Operator: ", **at)
        missing = "blendwatch: this needs discord.py, which is not installed: pip install"
        new.asks("watch --once", 2, missing, **at, BLENDWATCH_DISCORD_TOKEN="x" * 60)
    new.asks("compare ./model ./model", 0, "verdict   equal")


def main() -> int:
    """Walk; returns the exit status."""
    begun = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="blendwatch-first-hour-"))
    cast = scene(datetime.now(UTC).replace(microsecond=0))
    new = NewModel(place)
    try:
        with timed("sdist, and the wheel from it"):
            wheel = built(place)
        with timed("installed from the lock"):
            new.install(wheel)
        saved(cast, COPY, new.work / "model")
        without_network(new)
        with_hub(new, cast)
        without_extras(new, cast)
    except Wrong as wrong:
        say(f"WRONG: {wrong}")
        return 1
    finally:
        shutil.rmtree(place, ignore_errors=True)
    say(f"all steps passed in {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
