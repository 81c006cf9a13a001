"""One container of the image as an operator runs it: read-only, without capabilities, as uid 10001."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.container.engine import IMAGE, Engine, Wrong
from ops.container.scene import PATIENCE

UID = 10001
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108
STOP_SECONDS = 10  # default of `docker stop`


def folder(path: Path) -> Path:
    """Make a folder that the image's user may write."""
    path.mkdir(parents=True)
    os.chown(path, UID, UID)
    return path


def until(true: Callable[[], bool], what: str) -> None:
    """Wait until something is true. Raises Wrong if it does not come."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise Wrong(f"never came: {what}")
        time.sleep(0.1)


def run_once(
    engine: Engine, flags: Sequence[str], *words: str, network: str = "host"
) -> subprocess.CompletedProcess[str]:
    """Run a command of the image to its end."""
    command = engine.command("run", "--rm", *engine.host_flags(network), *HARDENED, *flags, IMAGE, *words)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603


@dataclass(frozen=True, slots=True)
class Running:
    """A container in the background."""

    engine: Engine
    name: str

    @classmethod
    def start(cls, engine: Engine, name: str, flags: Sequence[str], *words: str) -> Running:
        """Start it hardened."""
        engine.podman("run", "-d", "--name", name, *engine.host_flags(), *HARDENED, *flags, IMAGE, *words)
        return cls(engine, name)

    def logs(self) -> str:
        """Return what it has said on both streams."""
        done = subprocess.run(  # noqa: S603
            self.engine.command("logs", self.name),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return done.stdout

    def kill(self) -> None:
        """End it by SIGKILL and remove what is left."""
        self.engine.podman("kill", "--signal", "KILL", self.name)
        self.engine.podman("wait", self.name)
        status = self.exit_status()
        self.remove()
        if status != 128 + 9:
            raise Wrong(f"the container was gone before it was killed, with status {status}")

    def stop(self) -> float:
        """End it by SIGTERM and remove it; returns the seconds it took. Raises Wrong unless it ended with 0 in time."""
        begun = time.monotonic()
        self.engine.podman("stop", "--time", str(STOP_SECONDS), self.name)
        took = time.monotonic() - begun
        status, said = self.exit_status(), self.logs()
        self.remove()
        if status:
            raise Wrong(f"after SIGTERM it ended with {status} after {took:.1f} s; it said: {said[-1500:]}")
        return took

    def exit_status(self) -> int:
        """Return the status it ended with."""
        return int(self.engine.podman("inspect", self.name, "--format", "{{.State.ExitCode}}"))

    def remove(self) -> None:
        """Remove it; its data stays."""
        self.engine.podman("rm", "--force", "--time", "0", self.name)

    def healthy(self) -> bool:
        """Ask the image's own HEALTHCHECK."""
        asked = self.engine.command("healthcheck", "run", self.name)
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0  # noqa: S603
