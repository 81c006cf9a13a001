"""What docs/container.md tells a newcomer to type, typed; then a registry edited as its reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.models import card
from demo.scene import BASE, RELEASE
from ops.container.build import TAG
from ops.container.container import HARDENED, Running, until
from ops.container.engine import IMAGE, ROOT, Engine, Wrong
from ops.container.scene import Loopback, loopback

LATE = "brisa-labs/Sereia-1"  # comes after the registry was edited
SETTINGS = {
    "BLENDWATCH_POLL_MINUTES": "0.1",  # a short wait for the pass that reads the edited registry
    "BLENDWATCH_AUTOMATIC_REFERENCES": "false",  # else LATE is a copy of an upload, whatever the registry has
}


def newcomer(engine: Engine, home: Path) -> str:
    """What docs/container.md tells a newcomer to type; then a file is added to the registry's folder."""
    (home / "registry").mkdir(parents=True)
    with loopback() as world:
        first, second = _split(world.cast.registry)
        (home / "registry" / "ours.yaml").write_text(first)
        life = _as_documented(engine, home, world)
        until(lambda: all(name in life.logs() for name in world.cast.truth), "every upload in the log")
        if any(RELEASE in str(m) for m in world.discord.messages):
            raise Wrong("an alert named a model that was not yet known")
        until(life.healthy, "a passing HEALTHCHECK")
        (home / "registry" / "more.yaml").write_text(second)
        world.hub.add(_late_upload(world))
        until(lambda: any(LATE in title for title in world.alerts()), f"the alert about {LATE}")
        (alert,) = [m for m in world.discord.messages if LATE in str(m["embeds"][0]["title"])]
        if RELEASE not in str(alert):
            raise Wrong(f"the alert does not name the added model: {alert}")
        life.stop()
    return "its command runs, HEALTHCHECK passes, and a file added to the registry's folder is known without a restart"


def documented_command() -> str:
    """Return the `docker run -d` of docs/container.md, on one line."""
    text = (ROOT / "docs" / "container.md").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(r"^    (docker run -d .*)$", text, re.MULTILINE)
    if found is None:
        raise Wrong("docs/container.md has no `docker run -d`")
    return found[1]


def _as_documented(engine: Engine, home: Path, world: Loopback) -> Running:
    """Run the documented `docker run`, with what leads it to loopback put in."""
    words = shlex.split(documented_command().replace("$PWD", str(home)))
    if not set(HARDENED) <= set(words):
        raise Wrong("docs/container.md runs it with less protection than is proved here")
    engine.podman("tag", IMAGE, TAG)
    ours = [word for name, value in SETTINGS.items() for word in ("-e", f"{name}={value}")]
    inserted = [*engine.host_flags(), *world.flags(), *ours]
    command = engine.command("run", *inserted, *words[2:])
    environment = os.environ | {"BLENDWATCH_DISCORD_WEBHOOK": world.discord.webhook_url}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    if done.returncode:
        raise Wrong(f"the documented command ended with {done.returncode}: {done.stderr[-1500:]}")
    return Running(engine, words[words.index("--name") + 1])


def _late_upload(world: Loopback) -> LoopbackRepo:
    """Return a blend of base and release, new on the Hub, whose card names the base alone."""
    blend = world.hub.repos["basalt/Duet"]
    readme = BytesBlob(card("Sereia 1", "Post-trained by our own team.", [BASE]).encode())
    moment = datetime.now(UTC) - timedelta(minutes=1)
    return LoopbackRepo(repo_id=LATE, files={**blend.files, "README.md": readme}, created_at=moment)


def _split(registry: str) -> tuple[str, str]:
    """Return the scene's registry in two files, the base's and the release's."""
    _, base, release = registry.split("- repo_id:")
    return f"models:\n- repo_id:{base}", f"models:\n- repo_id:{release}"
