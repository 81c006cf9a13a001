"""The doctor names what is broken and what to do, and one broken thing hides no other."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from email.utils import formatdate
from pathlib import Path

import pytest

from bot.health.heartbeat import FILE
from demo.discord.server import BOT_TOKEN, TOKEN
from demo.hub.faults import Fault, always
from state.database.engine import revisions
from tests.bot.health.test_health import BEAT
from tests.bot.stage import REPOS, Stage, stage

NAMES = [
    "settings",
    "hub",
    "token",
    "clock",
    "disk",
    "database",
    "bot",
    "author",
    "discord",
    "channels",
    "charts",
    "trial",
    "registry",
    "asking",
    "sketches",
    "watch",
]
KEYLESS = '[{"url": "http://127.0.0.1:9", "key_file": "/nowhere/key"}]'
GOOD = {"HF_TOKEN": "hf_read_0123456789"}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Stage]:
    """A Hub, a Discord and a registry on this machine."""
    with stage(tmp_path, REPOS) as set_up:
        yield set_up


def states(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The state of each check, by its name."""
    assert "Traceback" not in done.stderr
    return {check["name"]: check["state"] for check in json.loads(done.stdout)}


def test_where_all_is_well_every_line_says_ok(at: Stage) -> None:
    """Before a watch and after it; nothing is posted, and no secret is shown."""
    before = at.run("doctor", **GOOD)
    assert at.run("watch", "--once").returncode == 0
    told = len(at.discord.messages)
    after = at.run("doctor", "--json", **GOOD)
    assert before.returncode == 0, before.stdout
    lines = [line.split() for line in before.stdout.splitlines()]
    assert [line[:2] for line in lines] == [["ok", f"{name}:"] for name in NAMES]
    assert states(after) == dict.fromkeys(NAMES, "ok")
    said = {check["name"]: check["said"] for check in json.loads(after.stdout)}
    assert said["token"] == "operator's, role read"
    assert said["database"].startswith(f"whole, revision {revisions()[-1]}, ")
    assert said["registry"] == "2 known models: 1 bases, 1 releases, 0 groups of organisations"
    assert said["sketches"].endswith("0 known models are still to be read")
    assert "the webhook is alerts, into channel" in said["discord"]
    assert said["asking"] == "off"
    assert len(at.discord.messages) == told
    for text in (before.stdout, after.stdout):
        assert TOKEN not in text
        assert GOOD["HF_TOKEN"] not in text


def _deaf_hub(at: Stage) -> None:
    at.hub.fault = always(Fault(status=503))


def _wrong_clock(at: Stage) -> None:
    at.hub.fault = always(Fault(headers={"Date": formatdate(time.time() - 3600, usegmt=True)}))


def _text_for_database(at: Stage) -> None:
    (at.folder / "data").mkdir()
    (at.folder / "data" / "blendwatch.sqlite").write_text("this is no database" * 100)


def _newer_database(at: Stage) -> None:
    assert at.run("watch", "--once").returncode == 0
    with closing(sqlite3.connect(at.folder / "data" / "blendwatch.sqlite")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")


def _damaged_database(at: Stage) -> None:
    assert at.run("watch", "--once").returncode == 0
    file = at.folder / "data" / "blendwatch.sqlite"
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'uploads'").fetchone()[0]
        size = raw.execute("PRAGMA page_size").fetchone()[0]
    with file.open("r+b") as raw_file:
        raw_file.seek((root - 1) * size)
        raw_file.write(b"\xff" * 64)


def _no_webhook(at: Stage) -> None:
    at.discord.faults.unknown_webhook = True


def _broken_registry(at: Stage) -> None:
    (at.folder / "registry.yaml").write_text("models:\n- repo_id: x\n  role: king\n")


def _broken_sketches(at: Stage) -> None:
    folder = at.folder / "data" / "sketches"
    folder.mkdir(parents=True)
    (folder / "0123.lines").write_text("no description of a class\n")


def _hung_watch(at: Stage) -> None:
    (at.folder / "data").mkdir()
    (at.folder / "data" / FILE).write_text(json.dumps(asdict(replace(BEAT, beat_at=time.time() - 999))))


def _file_for_folder(at: Stage) -> None:
    (at.folder / "data").write_text("a file")


@pytest.mark.parametrize(
    ("broken", "found", "word"),
    [
        (_deaf_hub, {"hub": "failed", "token": "warning", "clock": "warning"}, "503"),
        (_wrong_clock, {"clock": "failed"}, "up to 30 s"),
        (_text_for_database, {"database": "failed"}, "not a database"),
        (_newer_database, {"database": "failed"}, "newer version"),
        (_damaged_database, {"database": "failed"}, "damaged: "),
        (_no_webhook, {"discord": "failed"}, "a new one is needed"),
        (_broken_registry, {"registry": "failed"}, "registry.yaml:2:"),
        (_broken_sketches, {"sketches": "warning"}, "set aside as *.broken"),
        (_hung_watch, {"watch": "failed"}, "no heartbeat"),
        (_file_for_folder, {"disk": "failed"}, "not a folder"),
    ],
)
def test_one_broken_thing_is_named_and_the_others_are_still_ok(
    at: Stage, broken: Callable[[Stage], None], found: dict[str, str], word: str
) -> None:
    """With what was found, what to do, and the status of the worst."""
    broken(at)
    done = at.run("doctor", "--json", **GOOD)
    assert states(done) == dict.fromkeys(NAMES, "ok") | found
    assert done.returncode == (2 if "failed" in found.values() else 1)
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert word in checks[next(iter(found))]["said"]
    assert all(check["todo"] for check in checks.values() if check["state"] != "ok")


@pytest.mark.parametrize(
    ("token", "state", "word"),
    [("", "warning", "none is set"), ("hf_write_0123456789", "warning", "may also write"), ("bad", "failed", "accept")],
)
def test_a_token_is_tried(at: Stage, token: str, state: str, word: str) -> None:
    """None, one that may do too much, one that is not valid."""
    done = at.run("doctor", "--json", HF_TOKEN=token)
    (check,) = [c for c in json.loads(done.stdout) if c["name"] == "token"]
    assert (check["state"], word in check["said"]) == (state, True)
    assert done.returncode == {"warning": 1, "failed": 2}[state]


@pytest.mark.parametrize(
    ("token", "state", "word"),
    [
        ("", "failed", "no token is set"),
        ("hf_fineGrained_0123456789", "ok", "role fineGrained"),
        ("hf_read_0123456789", "failed", "may only read"),
        ("bad", "failed", "accept"),
    ],
)
def test_the_token_that_asks_authors_is_tried(at: Stage, token: str, state: str, word: str) -> None:
    """None, one that may open discussions, one that may not, one that is not valid."""
    notice = {"BLENDWATCH_AUTHOR_NOTICE_HOURS": "48", "BLENDWATCH_AUTHOR_NOTICE_TOKEN": token}
    done = at.run("doctor", "--json", **GOOD, **notice)
    assert states(done) == dict.fromkeys(NAMES, "ok") | {"author": state}
    (check,) = [c for c in json.loads(done.stdout) if c["name"] == "author"]
    assert word in check["said"]


def test_wrong_settings_are_named_and_everything_else_is_looked_at(at: Stage) -> None:
    """A webhook that is none, an endpoint that is none, a number that is none: each on a line of its own."""
    secret = "https://discord.example/hook/very-secret"
    done = at.run(
        "doctor",
        "--json",
        BLENDWATCH_POLL_MINUTES="often",
        BLENDWATCH_TYPO="1",
        BLENDWATCH_DISCORD_WEBHOOK=secret,
        HF_ENDPOINT="nowhere",
    )
    checks = json.loads(done.stdout)
    failed = [(c["name"], c["said"]) for c in checks if c["state"] == "failed"]
    assert [name for name, _ in failed] == ["settings", "settings", "hub", "discord"]
    assert {said.partition(":")[0] for name, said in failed if name == "settings"} == {
        "BLENDWATCH_POLL_MINUTES",
        "BLENDWATCH_TYPO",
    }
    assert {c["name"] for c in checks} == set(NAMES)
    assert done.returncode == 2
    assert "very-secret" not in done.stdout + done.stderr


def test_a_full_disk_is_told(at: Stage) -> None:
    """A folder that cannot be written to is not one to watch with; what is not there yet is no fault."""
    done = at.run("doctor", "--json", **GOOD)
    (check,) = [c for c in json.loads(done.stdout) if c["name"] == "disk"]
    assert "(not made yet)" in check["said"]
    assert not (at.folder / "data").exists()
    nowhere = at.run("doctor", "--json", **GOOD, BLENDWATCH_DATA="/proc/blendwatch")
    (check,) = [c for c in json.loads(nowhere.stdout) if c["name"] == "disk"]
    assert check["state"] == "failed"


@pytest.mark.parametrize(
    ("name", "value", "state", "said"),
    [
        ("BLENDWATCH_INFERENCE_PROVIDERS", "true", "failed", "there is no token"),
        ("BLENDWATCH_INFERENCE_ENDPOINTS", KEYLESS, "failed", "the key of 127.0.0.1:9 cannot be read"),
        ("BLENDWATCH_INFERENCE_ENDPOINTS", '[{"url": "http://127.0.0.1:9"}]', "ok", "at 1 endpoint(s)"),
    ],
)
def test_who_may_be_asked_is_looked_at_and_nobody_is(at: Stage, name: str, value: str, state: str, said: str) -> None:
    """A token or a key that is not there is found before a case needs it."""
    done = at.run("doctor", "--json", **{name: value})
    (found,) = [check for check in json.loads(done.stdout) if check["name"] == "asking"]
    assert (found["state"], said in found["said"]) == (state, True)


def test_a_network_that_is_not_there_is_told_as_that(at: Stage) -> None:
    """Neither a new token nor a new webhook helps; the name of a variable is no secret."""
    nowhere = {"HF_ENDPOINT": "https://hub.invalid", "BLENDWATCH_DISCORD_API_BASE": "https://discord.invalid/api/v10"}
    done = at.run("doctor", "--json", **(GOOD | nowhere), BLENDWATCH_DISCORD_TOKEN=BOT_TOKEN)
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert "look at the network and at HF_ENDPOINT" in checks["hub"]["said"]
    for name in ("hub", "bot", "discord"):
        assert checks[name]["state"] == "failed"
        assert checks[name]["todo"].startswith("look at the network, the proxy and the address;"), checks[name]


@pytest.mark.parametrize(("token", "state"), [(BOT_TOKEN, "ok"), ("wrong-token", "failed")])
def test_a_bots_token_is_tried_and_never_shown(at: Stage, token: str, state: str) -> None:
    """Discord is asked who it is; nothing is posted."""
    done = at.run("doctor", "--json", **GOOD, BLENDWATCH_DISCORD_TOKEN=token)
    assert states(done)["bot"] == state
    assert token not in done.stdout + done.stderr
    assert at.discord.messages == []
