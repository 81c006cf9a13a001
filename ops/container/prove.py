"""Build the image and prove it, step by step: python -m ops.container.prove.

Needs root on Debian; where the tools cannot be had it says what was not run and why, and ends with 0. Everything else
that is not as it should be ends with 1.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from demo.scene import BASE, HIDDEN, RELEASE
from ops.container.container import Running, folder, run_once, until
from ops.container.engine import IMAGE, Engine, NoTools, Wrong, base_tar, engine, install_tools
from ops.container.kills import Killed
from ops.container.newcomer import newcomer
from ops.container.scene import Loopback, Outcome, loopback


def say(text: str) -> None:
    """Print one step."""
    print(text, flush=True)  # noqa: T201


def timed(what: str, step: Callable[[], str | None]) -> None:
    """Run a step and say how it ended."""
    begun = time.monotonic()
    try:
        said = step()
    except Wrong as wrong:
        raise Wrong(f"{what}: {wrong}") from None
    say(f"container: {what}: {said or 'as it should be'} ({time.monotonic() - begun:.1f} s)")


@dataclass
class Proof:
    """Steps in the order in which they run. `place` is a folder that the containers see."""

    engine: Engine
    place: Path

    def __post_init__(self) -> None:
        self.outcomes: dict[str, list[Outcome]] = {}
        self.alerts: list[str] = []

    def help(self) -> str | None:
        """Prove that the entry point is the command line, the default command the watch, the user unprivileged."""
        done = run_once(self.engine, [], "--help", network="none")
        if done.returncode or "watch" not in done.stdout:
            raise Wrong(f"--help ended with {done.returncode}: {done.stderr}")
        inspected = json.loads(self.engine.podman("image", "inspect", IMAGE))[0]
        config = inspected["Config"]
        if config["User"] != "10001:10001" or config["Cmd"] != ["watch"] or "/data" not in config["Volumes"]:
            raise Wrong(f"the image is configured as {config}")
        return f"answers without network; the image has {inspected['Size'] / 1e6:.0f} MB, its base included"

    def check(self) -> str:
        """Check a local folder, without any network."""
        models = self.place / "models"
        with loopback() as world:
            for repo_id in (BASE, RELEASE, HIDDEN):
                home = models / repo_id
                home.mkdir(parents=True)
                for name, blob in world.hub.repos[repo_id].files.items():
                    (home / name).write_bytes(blob.read(0, blob.size))
            (models / "registry.yaml").write_text(world.cast.registry.replace("repo_id:", "path:"))
        flags = ["-v", f"{models}:/models:ro"]
        words = ("check", f"/models/{HIDDEN}", "--registry", "/models/registry.yaml", "--json")
        done = run_once(self.engine, flags, *words, network="none")
        if done.returncode != 3:
            raise Wrong(f"the check ended with {done.returncode}: {done.stdout[-500:]} {done.stderr[-1500:]}")
        report = json.loads(done.stdout)
        found = {p["repo_id"] for p in report["parents"]}
        if report["finding"] != "blend" or found != {BASE, RELEASE}:
            raise Wrong(f"the check says {report['finding']} of {found}")
        return "a local folder without network: the hidden blend of two is an alert, status 3"

    def undisturbed(self) -> str:
        """Run a whole pass against the loopback Hub and Discord."""
        with loopback() as world:
            data = folder(self.place / "undisturbed")
            flags = [*self._registry(world), *world.flags(), "-v", f"{data}:/data"]
            done = run_once(self.engine, flags, "watch", "--once")
            if done.returncode:
                raise Wrong(f"the watch ended with {done.returncode}: {done.stderr[-2000:]}")
            self.outcomes, self.alerts = world.outcomes(data), world.alerts()
            if len(self.alerts) != 2 or HIDDEN not in str(self.alerts):
                raise Wrong(f"the pass sent the alerts {self.alerts}")
            if {state for outcome in self.outcomes.values() for state, *_ in outcome} != {"found", "failed"}:
                raise Wrong(f"the pass left {self.outcomes}")
        return f"{len(self.outcomes)} uploads settled in one pass, 2 alerts"

    def kills(self) -> str:
        """Kill a watch ten times, then let it finish; between, run the steps that need a running watch."""
        with loopback() as world:
            begun = time.monotonic()
            killed = Killed.ten_times(self.engine, world, self.place, self._registry(world))
            say(f"container: the watch was killed ten times in one pass ({time.monotonic() - begun:.1f} s)")
            timed("the documented way", lambda: newcomer(self.engine, self.place / "newcomer"))
            timed("SIGTERM between two passes", lambda: self.stopped(at=None))
            timed("SIGTERM in the middle of a pass", lambda: self.stopped(at=30))
            return killed.finish(self.engine, world, self.outcomes, self.alerts)

    def stopped(self, at: int | None) -> str:
        """Send SIGTERM to a resting watch, or to one that waits for the Hub at its request `at`."""
        with loopback() as world:
            data = folder(self.place / f"stopped-{at}")
            flags = [*self._registry(world), *world.flags(), "-v", f"{data}:/data"]
            if at is None:
                life = Running.start(self.engine, "stopped", flags, "watch")
                until(lambda: all(name in life.logs() for name in world.cast.truth), "every upload in the log")
                took = life.stop()
            else:
                with world.frozen_at(at) as wait:
                    life = Running.start(self.engine, "stopped", flags, "watch")
                    wait()
                    took = life.stop()
        return f"status 0 after {took:.1f} s"

    def sick(self) -> str:
        """Prove that the HEALTHCHECK can fail."""
        done = run_once(self.engine, [], "health", network="none")
        if not done.returncode:
            raise Wrong("it passes where no watch runs")
        return "does not pass where no watch runs"

    def _registry(self, world: Loopback) -> list[str]:
        """Return the flags that mount the scene's registry, and no other one."""
        file = self.place / f"registry-{id(world)}" / "scene.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(world.cast.registry)
        return ["-v", f"{file.parent}:/registry:ro", "-e", "BLENDWATCH_REGISTRY=/registry"]


def prove(place: Path, made: Engine) -> None:
    """Run every step. Raises NoTools and Wrong."""
    proof = Proof(made, place)
    timed("base image", lambda: made.import_base(base_tar()[0]))
    timed("build of the Dockerfile", made.build)
    timed("--help", proof.help)
    timed("check", proof.check)
    timed("watch --once", proof.undisturbed)
    timed("HEALTHCHECK", proof.sick)
    timed("after the kills", proof.kills)


def main() -> int:
    """Prove the image; returns the exit status."""
    begun = time.monotonic()
    try:
        timed("tools", install_tools)
        timed("base from Debian packages", lambda: "from the cache" if base_tar()[1] else "made anew")
        with engine() as made, tempfile.TemporaryDirectory(prefix="blendwatch-proof-") as name:
            place = Path(name)
            place.chmod(0o755)  # the image's user reads what is mounted from here
            prove(place, made)
    except NoTools as missing:
        say(f"container: NOT RUN, neither the build nor any step after it: {missing}")
        return 0
    except Wrong as wrong:
        say(f"container: WRONG: {wrong}")
        return 1
    say(f"container: all steps passed in {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
