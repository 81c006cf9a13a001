"""The trial of a new install: subscribers see nothing, and what goes out says that nobody has confirmed it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.alerts.compose import UNCONFIRMED
from bot.config.trial import Trial, in_trial
from demo.discord.server import BOT_TOKEN
from demo.discord.world import Channel
from demo.scene import BASE, HIDDEN, RELEASE
from state.case_records import Subscription
from state.cases.publications import Publications
from state.cases.subscriptions import Subscriptions
from state.store import Store
from tests.bot.chat.stage import labels
from tests.bot.stage import REPOS, Stage, stage
from tests.state.events import event

FEW = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN)}
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
WEEK = {"BLENDWATCH_SHADOW_DAYS": "7"}


@pytest.mark.parametrize(
    ("began", "days", "hours", "expected"),
    [
        (None, 7, 0, True),
        (None, 0, 0, False),
        (BEGAN, 7, 0, True),
        (BEGAN, 7, 7 * 24 - 1, True),
        (BEGAN, 7, 7 * 24, False),
        (BEGAN, 0.5, 11, True),
        (BEGAN, 0.5, 13, False),
        (BEGAN, 0, 0, False),
    ],
)
def test_what_lies_in_the_trial(began: datetime | None, days: float, hours: int, expected: bool) -> None:
    """It begins with the watch and lasts as many days as are set; none at all where that is 0."""
    assert in_trial(began, days, BEGAN + timedelta(hours=hours)) is expected


def test_it_begins_when_the_watch_first_saw_an_upload(tmp_path: Path) -> None:
    """Not when the listings begin that it read: the first pass looks back by hours or by a year."""
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as store:
        trial = Trial(store, 7)
        assert trial.until(BEGAN) == BEGAN + timedelta(days=7)
        store.record(
            "created_at",
            [event(created_at=BEGAN - timedelta(days=300))],
            BEGAN,
            BEGAN,
            began_at=BEGAN - timedelta(days=365),
        )
        assert store.began_at() == BEGAN
        assert trial.until(BEGAN + timedelta(days=6)) == BEGAN + timedelta(days=7)
        assert trial.until(BEGAN + timedelta(days=8)) is None


def test_a_webhook_is_told_as_ever_with_a_mark_until_somebody_confirms(tmp_path: Path) -> None:
    """The first message says that this is a trial and how to end it; a confirmed alert loses its mark."""
    with stage(tmp_path, FEW) as at:
        before = at.run("doctor", "--json", **WEEK)
        assert at.run("watch", "--once", **WEEK).returncode == 0
        first, alert = (message["embeds"][0] for message in at.discord.messages)
        assert first["title"] == "Operator: trial week"
        assert "BLENDWATCH\\_SHADOW\\_DAYS=0" in first["description"]
        assert HIDDEN in alert["title"]
        assert alert["description"].startswith(f"**{UNCONFIRMED}**")
        status = json.loads(at.run("status", "--json", **WEEK).stdout)
        doctor, shown = at.run("doctor", "--json", **WEEK), at.run("status", **WEEK)
        case = at.upload(HIDDEN).report or {}
        confirmed = [at.run("case", "confirm", case["case"], "--reason", "looked at it") for _ in range(2)]
        assert at.run("watch", "--once", **WEEK).returncode == 0
        _, edited, note = (message["embeds"][0] for message in at.discord.messages)
        assert UNCONFIRMED not in edited["description"]
        assert note["title"].startswith("Confirmed: ")
        assert at.run("case", "retract", case["case"], "--reason", "wrong after all").returncode == 0
        late = at.run("case", "confirm", case["case"])
        ended = at.run("watch", "--once")
    for done in (before, doctor):
        (said,) = (check for check in json.loads(done.stdout) if check["name"] == "trial")
        assert said["state"] == "ok"
        assert "BLENDWATCH_SHADOW_DAYS=0" in said["said"]
    left = datetime.fromisoformat(status["trial"]["until"]) - datetime.now(UTC)
    assert timedelta(days=6) < left < timedelta(days=7)
    assert "shadow_days = 0" in status["trial"]["said"]
    assert "trial week" in shown.stdout
    assert [done.stdout.split(case["case"])[1].strip() for done in confirmed] == [
        "is confirmed",
        "was confirmed before",
    ]
    assert (late.returncode, "cannot be confirmed" in late.stderr) == (2, True)
    assert ended.returncode == 0
    assert "Operator: trial week, ended" in at.told


def test_the_console_has_the_mark_and_no_trial_has_none(tmp_path: Path) -> None:
    """Where the console is all there is, alerts go there; shadow_days of 0 is as before."""
    with stage(tmp_path, FEW) as at:
        done = at.run("watch", "--once", BLENDWATCH_DISCORD_WEBHOOK="", **WEEK)
        off = at.run("watch", "--once", BLENDWATCH_DISCORD_WEBHOOK="", BLENDWATCH_DATA=str(tmp_path / "other"))
        wrong = at.run("watch", "--once", BLENDWATCH_SHADOW_DAYS="-1")
        doctor = json.loads(at.run("doctor", "--json").stdout)
        (at.folder / "data" / "blendwatch.sqlite").write_text("no database")
        blind = json.loads(at.run("doctor", "--json", **WEEK).stdout)
    assert done.stdout.startswith("Operator: trial week")
    assert done.stdout.count(UNCONFIRMED) == 2  # what the operator is told, and the alert
    assert HIDDEN in off.stdout
    assert "trial week" not in off.stdout
    assert (wrong.returncode, wrong.stderr.count("BLENDWATCH_SHADOW_DAYS")) == (2, 1)
    assert [check["said"] for check in doctor if check["name"] == "trial"] == ["off"]
    assert [check["state"] for check in blind if check["name"] == "trial"] == ["warning"]


def with_bot(at: Stage, **more: str) -> dict[str, str]:
    """What an operator sets for a bot in the trial; no webhook."""
    return {"BLENDWATCH_DISCORD_WEBHOOK": "", "BLENDWATCH_DISCORD_TOKEN": BOT_TOKEN, **WEEK, **more}


def test_subscribers_see_nothing_and_reviewers_are_asked(tmp_path: Path) -> None:
    """Also where reviewers would see the inexact ones alone."""
    with stage(tmp_path, FEW) as at:
        channel, reviewers = subscribed(at)
        asked = {"BLENDWATCH_REVIEW_CHANNEL": reviewers.id, "BLENDWATCH_REVIEW": "inexact"}
        done = at.run("watch", "--once", **with_bot(at, **asked))
        assert done.returncode == 0, done.stderr
        first, shown = reviewers.messages
        assert channel.messages == []
    assert first["embeds"][0]["title"].endswith("Operator: trial week")
    assert shown["embeds"][0]["description"].startswith("**Trial week, until ")
    assert labels(shown) == ["Right", "Wrong", "Evidence"]


def test_without_reviewers_the_operator_hears_of_it(tmp_path: Path) -> None:
    """The case waits, hidden from members, for a reviewers' channel or the operator's word."""
    with stage(tmp_path, FEW) as at:
        channel, _ = subscribed(at)
        done = at.run("watch", "--once", **with_bot(at))
        assert done.returncode == 0, done.stderr
        assert channel.messages == []
        with at.store() as store:
            (case,) = Publications(store.engine).of_repo(HIDDEN)
        doctor = json.loads(at.run("doctor", "--json", **with_bot(at)).stdout)
    assert case.state == "review"
    assert f"{HIDDEN}: a would-be alert of the trial week" in done.stdout
    assert f"blendwatch case confirm {case.case_id}" in done.stdout
    (said,) = (check for check in doctor if check["name"] == "trial")
    assert (said["state"], "review_channel" in said["todo"]) == ("warning", True)


def subscribed(at: Stage) -> tuple[Channel, Channel]:
    """A channel that is subscribed, and one for reviewers."""
    guild = at.discord.world.guild("Watchers")
    channel, reviewers = (at.discord.world.channel(guild, name) for name in ("alerts", "reviewers"))
    (at.folder / "data").mkdir()
    with at.store() as store:
        Subscriptions(store.engine).put(Subscription(guild, channel.id), datetime.now(UTC))
    return channel, reviewers
