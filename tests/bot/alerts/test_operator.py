"""What an operator asks the watch: does an alert arrive, and how has it been doing?"""

from __future__ import annotations

import json
from pathlib import Path

from demo.discord.server import TOKEN, WEBHOOK_ID
from demo.scene import HIDDEN
from tests.bot.stage import stage


def test_a_test_message_arrives_and_says_that_it_is_one(tmp_path: Path) -> None:
    """By the road of the alerts; where it went is said without the secret."""
    with stage(tmp_path, {}) as at:
        done = at.run("notify", "--test")
        (message,) = at.discord.messages
        console = at.run("notify", "--test", BLENDWATCH_DISCORD_WEBHOOK="")
        nothing = at.run("notify")
        at.discord.faults.unknown_webhook = True
        gone = at.run("notify", "--test")
    assert (done.returncode, console.returncode, nothing.returncode, gone.returncode) == (0, 0, 2, 1)
    (embed,) = message["embeds"]
    assert embed["title"] == "Operator: a test message"
    assert "It is about no upload" in embed["description"]
    assert f"webhook {WEBHOOK_ID}" in done.stdout
    assert f"as message {message['id']}" in " ".join(done.stdout.split())
    assert "Operator: a test message" in console.stdout
    assert "a new one is needed" in gone.stderr
    assert TOKEN not in done.stdout + done.stderr + gone.stderr


def test_status_tells_what_is_stored(tmp_path: Path) -> None:
    """The same facts as a table and as JSON, and what to do where there is nothing yet."""
    with stage(tmp_path) as at:
        nothing = at.run("status")
        watched = at.run("watch", "--once")
        why = json.loads(at.run("why", HIDDEN, "--json").stdout)
        shown, done = at.run("status"), at.run("status", "--json")
    assert (nothing.returncode, "made by blendwatch watch" in nothing.stderr) == (2, True)
    assert watched.returncode == 0
    assert watched.stdout.splitlines()[-1] == (
        "one pass: 9 uploads settled (6 found, 2 skipped, 1 failed; 2 blend, 1 copy, 2 derivative, 1 unrelated);"
        " 2 messages sent; 0 still due, 0 tried again later"
    )
    (upload,) = why["uploads"]
    assert (upload["state"], upload["report"]["finding"]) == ("found", "blend")
    assert [(m["to"], m["state"]) for m in upload["messages"]] == [("discord", "sent")]
    facts = json.loads(done.stdout)
    assert facts["watch"] == {"running": False}
    assert [feed["feed"] for feed in facts["feeds"]] == ["created_at", "last_modified", "trending_score"]
    assert all(feed["last_success"] >= feed["read_to"] for feed in facts["feeds"])
    assert facts["backlog"] == {"due": 0, "since": None, "tried_again_later": 0}
    assert facts["settled"]["day"] == facts["settled"]["all"] == {"found": 6, "skipped": 2, "failed": 1}
    assert facts["findings"]["week"] == {"blend": 2, "copy": 1, "derivative": 2, "unrelated": 1}
    assert (facts["alerts"]["sent"], facts["alerts"]["pending"], facts["alerts"]["oldest_unsent"]) == (2, 0, None)
    assert facts["known"] == {"models": 2, "sketched": 2, "sketches": 8}
    assert facts["disk"]["used"] > facts["disk"]["database"] > 0
    assert facts["disk"]["sketches"] > 0
    for said in ("6 found", "2 blend", "2 sent", "2 of 2 models read", "not running"):
        assert said in shown.stdout, shown.stdout


def test_a_log_without_a_terminal_is_lines_of_json(tmp_path: Path) -> None:
    """With what became of each upload in fields of its own."""
    with stage(tmp_path) as at:
        done = at.run("watch", "--once")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    by_upload = {line["upload"]: line for line in lines if "upload" in line}
    assert len(by_upload) == 9  # the two known models are listed as well, for they are talked about
    assert (by_upload[HIDDEN]["finding"], by_upload[HIDDEN]["alert"]) == ("blend", True)
    assert by_upload[HIDDEN]["requests"] > 0
    assert by_upload["murk/Broken-7B"]["outcome"] == "failed"


def test_a_folder_that_cannot_be_one_is_one_clear_error(tmp_path: Path) -> None:
    """A file in its place, or above it."""
    with stage(tmp_path, {}) as at:
        (tmp_path / "file").write_text("")
        done = [at.run("watch", "--once", BLENDWATCH_DATA=str(tmp_path / name)) for name in ("file", "file/data")]
    for each in done:
        assert each.returncode == 2
        assert "BLENDWATCH_DATA: " in each.stderr
        assert "Traceback" not in each.stderr
