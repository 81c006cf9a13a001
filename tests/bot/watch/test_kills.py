"""Deaths at the write transactions of watch, delivery, follow-ups, asking and chat: nothing is lost, doubled or wrong.

Each scenario first runs undisturbed. Then it runs anew for each road to a commit: the function of state, and its caller
in bot. It dies at the first commit on that road, right before it and right after it. A scenario of ten commits or
fewer dies at each. The watch dies before each, and after a settlement. Rows and messages are compared without times.

The scenarios: passes of the watch with feeds, evidence, verdicts, relatives, a registry that grows, a trial that ends
and asking; alerts by a webhook, alone, in digests, refused and sent anew; follow-ups of a case; asking its model;
review, moderation, subscriptions and a trial of the bot; an author who is asked on the Hub before anybody is alerted.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import ROOT
from tests.bot.watch.kill_rooms import Moderated, Review, TrialWeek, author_first, rooms
from tests.bot.watch.kill_watch import watched
from tests.bot.watch.kill_webhook import Digests, Refused, asked_names, followed, webhook
from tests.bot.watch.kills import Life, Scenario, When, chosen, differences, perform

PLACE = "#webhook"  # where a message may stand twice: Discord has no way to look whether it is there
SCENARIOS: dict[str, Scenario] = {
    "watch": watched,
    "digests": webhook(Digests),
    "refused": webhook(Refused),
    "followed": followed,
    "asked": asked_names,
    "review": rooms(Review),
    "moderated": rooms(Moderated),
    "trial": rooms(TrialWeek),
    "author first": author_first,
}
# What is wanted of a base is dropped after its listing is noted; after a death between the two, a day later.
A_DAY_LATER = "KeyValues.drop < bot.watch.relatives.Relatives._fulfil"
# No scenario opens these. Each is one transaction that inserts by a unique key, or belongs to a command of its own.
NOT_REACHED = {
    "state.backup.moving._copied",
    "state.backup.retention.prune",
    "state.proof.log.ProofLog.add_token",
    "state.proof.log.ProofLog.enter",
    "state.store.Store.post",
    "state.store.Store.record_events",
}
FOLLOWED_OUTSIDE = ("Store.settle",)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_death_at_any_commit_loses_and_doubles_nothing(tmp_path: Path, name: str) -> None:
    """The end is that of the undisturbed run, whether the process died before a commit or after it."""
    scenario, life = SCENARIOS[name], Life()
    with scenario(tmp_path / "undisturbed") as play:
        expected = perform(play, life)
    wrong = []
    for number, (road, earlier) in enumerate(chosen(life.sites)):
        if road.endswith(A_DAY_LATER):
            continue
        both = name != "watch" or any(part in road for part in FOLLOWED_OUTSIDE)
        whens: tuple[When, ...] = ("before", "after") if both else ("before",)
        for when in whens:
            died = Life((road, earlier), when)
            with scenario(tmp_path / f"{number}-{when}") as play:
                found = perform(play, died)
            assert died.dead, f"{when} {road}"
            wrong += [f"{when} {road}: {text}" for text in differences(found, expected, PLACE)]
    assert wrong == []


def test_the_scenarios_open_every_write_transaction_of_state(tmp_path: Path) -> None:
    """A new function that writes needs a scenario, or a line in NOT_REACHED."""
    opened: set[str] = set()
    for name, scenario in SCENARIOS.items():
        life = Life()
        with scenario(tmp_path / name) as play:
            perform(play, life)
        opened |= life.openers
    assert writers() - opened == NOT_REACHED


def writers() -> set[str]:
    """Return the functions and methods of state that open a write transaction."""
    found = set()
    for file in (ROOT / "state").rglob("*.py"):
        for outer in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(outer, ast.Module | ast.ClassDef):
                continue
            module = file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            place = module + (f".{outer.name}" if isinstance(outer, ast.ClassDef) else "")
            found |= {f"{place}.{f.name}" for f in outer.body if isinstance(f, ast.FunctionDef) and _writes(f)}
    return found


def _writes(function: ast.FunctionDef) -> bool:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Name) and called.id == "transaction" for called in calls)
