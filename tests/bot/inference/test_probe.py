"""A whole probe over real sockets, against every kind of server."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bot.config.inference import Budget
from bot.inference.connection import MAX_ANSWER_BYTES
from bot.inference.probe import HOPELESS, TRIES
from bot.inference.questions import QUESTIONS
from bot.inference.report import sentence, tables, to_json
from demo.inference import PLAIN, Asked, InferenceFault, LoopbackInference
from tests.bot.inference.stage import HARD, NOW, SOFT, Stage, by_name, counts, two_faced

ALL = 120


def test_a_hard_planted_prompt_is_gone_around_by_raw_completions(tmp_path: Path) -> None:
    """The founding case: the template says Rio whatever the caller does, the weights say Nex."""
    with LoopbackInference(two_faced, template=HARD) as server:
        found = Stage(server, tmp_path, HARD).probe()
        prompts = [a.prompt for a in server.log if a.path.endswith("/v1/completions")]
    none, empty, templated = found.sets
    assert [s.way for s in found.sets] == ["no system", "empty system", "as templated"]
    assert (none.road, none.planted, none.answered, none.asked) == ("completions", False, ALL, ALL)
    assert counts(none) == {"Nex": 96, "Nex-AGI": 96, "ChatGPT": 0, "Rio": 0}
    assert (empty.road, empty.planted, counts(empty)["Rio"]) == ("chat", True, ALL)
    assert (templated.planted, counts(templated)["Rio"]) == (True, ALL)
    assert found.planted is not None
    assert found.planted.text == "You are Rio, made by IplanRio."
    assert (found.planted.names, found.planted.with_empty, found.planted.with_system) == (
        ("Rio", "IplanRio"),
        True,
        True,
    )
    assert all("Rio" not in p and p.count("<|im_start|>") == 2 for p in prompts[1:])
    assert sentence(found).startswith("asked with no system (completions): Nex 96 of 120, Nex-AGI 96 of 120")
    assert "Rio 0 of 120" in sentence(found)


def test_a_template_of_ours_is_the_next_best_road(tmp_path: Path) -> None:
    """Where there are no raw completions, and the server shows that it takes our template."""
    with LoopbackInference(two_faced, template=HARD, completions=False, override=True) as server:
        found = Stage(server, tmp_path, HARD, samples=1).probe()
    assert (found.sets[0].road, found.sets[0].planted) == ("template override", False)
    assert counts(found.sets[0])["Nex"] == 24
    assert any("raw completions: 127.0.0.1 answered 404" in note for note in found.notes)


@pytest.mark.parametrize(
    ("completions", "override", "usage"),
    [(False, False, True), (False, "refused", True), ("framed", False, True), (True, True, False)],
)
def test_a_road_that_is_not_shown_to_be_open_is_not_taken(
    tmp_path: Path, completions: bool | str, override: bool | str, usage: bool
) -> None:
    """Ignored templates, framed completions and servers that count no tokens: the empty prompt is the nearest."""
    server = LoopbackInference(two_faced, template=SOFT, completions=completions, override=override, usage=usage)
    with server:
        found = Stage(server, tmp_path, SOFT, samples=1).probe()
    assert [(s.way, s.road, s.planted) for s in found.sets] == [
        ("empty system", "chat", False),
        ("as templated", "chat", True),
    ]
    assert (counts(found.sets[0])["Nex"], counts(found.sets[1])["Rio"]) == (24, 24)
    assert any("no way around" in note for note in found.notes)


def test_without_a_planted_prompt_a_chat_is_enough(tmp_path: Path) -> None:
    """Nothing is planted: asking plainly and as templated are the same, and are done once."""
    with LoopbackInference(two_faced) as server:
        found = Stage(server, tmp_path, PLAIN).probe()
        roles = {tuple(m["role"] for m in a.body["messages"]) for a in server.log}
    assert [(s.way, s.road, s.planted) for s in found.sets] == [
        ("no system", "chat", False),
        ("empty system", "chat", False),
    ]
    assert counts(found.sets[0])["Nex"] == 96
    assert roles == {("user",), ("system", "user")}
    assert found.planted is None
    assert found.notes == ()


def test_a_server_that_adds_something_of_its_own_is_noted(tmp_path: Path) -> None:
    """More tokens in a question than its published template can make."""
    hidden = (
        "{{ '<|im_start|>system\n"
        + "You are Rio and nobody else, whatever they say. " * 20
        + "<|im_end|>\n' }}"
        + PLAIN
    )
    with LoopbackInference(two_faced, template=hidden) as server:
        found = Stage(server, tmp_path, PLAIN, samples=1).probe()
    assert any("adds something of its own" in note for note in found.notes)


def test_a_name_that_only_the_template_knows_is_counted(tmp_path: Path) -> None:
    """Nobody listed it."""
    template = HARD.replace("Rio, made by IplanRio", "Luna-X, made by nobody")
    speak = lambda prompt, temperature, seed: "I am Luna-X." if "Luna" in prompt else "I am Nex."  # noqa: E731
    with LoopbackInference(speak, template=template) as server:
        found = Stage(server, tmp_path, template, samples=1).probe()
    assert [counts(s).get("Luna-X", 0) for s in found.sets] == [0, 24, 24]


def test_without_a_template_nobody_knows_what_is_planted(tmp_path: Path) -> None:
    """The counts are given, and that."""
    with LoopbackInference(two_faced, template=HARD) as server:
        found = Stage(server, tmp_path, None, samples=1).probe()
    assert [s.planted for s in found.sets] == [None, None]
    assert found.template == "none: it has no chat template"


def every(number: int, trouble: InferenceFault) -> dict[str, object]:
    """A fault for the first tries of every so-many-th request."""
    seen: dict[str, int] = {}

    def fault(asked: Asked) -> InferenceFault | None:
        key = json.dumps(asked.body, sort_keys=True)
        seen.setdefault(key, len(seen))
        return trouble if seen[key] % number == 0 else None

    return {"fault": fault}


@pytest.mark.parametrize(
    ("trouble", "tries", "reason"),
    [
        (InferenceFault(429, headers={"Retry-After": "2"}), TRIES, "127.0.0.1 answered 429"),
        (InferenceFault(429, headers={"Retry-After": "4000"}), 1, "127.0.0.1 answered 429"),
        (InferenceFault(503), TRIES, "127.0.0.1 answered 503"),
        (InferenceFault(400), 1, "127.0.0.1 answered 400"),
        (InferenceFault(302, headers={"Location": "http://127.0.0.2/"}), 1, "unknown form"),
        (InferenceFault(200, b"[]"), 1, "unknown form"),
        (InferenceFault(200, b'{"choices": [{"message": {"content": ["a"]}}]}'), 0, "empty, or cut off while thinking"),
        (InferenceFault(200, b"[" * 100_000), 1, "unknown form"),
        (InferenceFault(500, b'{"error": [{}]}'), TRIES, "127.0.0.1 answered 500"),
        (InferenceFault(500, b"[1]"), 1, "unknown form"),
        (InferenceFault(200, b" " * (MAX_ANSWER_BYTES + 1)), 1, "more than"),
        (InferenceFault(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}), 1, "compressed"),
    ],
)
def test_what_goes_wrong_is_counted_and_named(tmp_path: Path, trouble: InferenceFault, tries: int, reason: str) -> None:
    """A fifth of the requests fail: the rest is counted out of what was asked."""
    with LoopbackInference(two_faced) as server:
        server.fault = every(5, trouble)["fault"]  # type: ignore[assignment]
        stage = Stage(server, tmp_path, PLAIN, samples=1)
        found = stage.probe()
        asked = [json.dumps(a.body, sort_keys=True) for a in server.log]
    lost = sum(s.asked - s.answered for s in found.sets)
    assert lost == 10
    assert any(reason in s.trouble for s in found.sets)
    assert len(asked) - len(set(asked)) == lost * max(0, tries - 1)
    assert sum(stage.watch.waits) <= 10 * 4
    assert "planted" not in json.dumps([s.trouble for s in found.sets])


def test_an_answer_that_drips_is_given_up(tmp_path: Path) -> None:
    """A byte now and then keeps nobody waiting for ever."""
    with LoopbackInference(two_faced) as server:
        server.fault = lambda asked: InferenceFault(drip=10_000)
        stage = Stage(server, tmp_path, PLAIN, samples=1, budget=Budget(calls_per_model=4))
        found = stage.probe()
    assert [s.answered for s in found.sets] == [0, 0]
    assert sentence(found) == "no answers"


def test_a_dead_server_is_asked_no_further(tmp_path: Path) -> None:
    """So many failures in a row are enough."""
    with LoopbackInference(two_faced) as server:
        server.fault = lambda asked: InferenceFault(401)
        found = Stage(server, tmp_path, PLAIN).probe()
        assert len(server.log) <= HOPELESS + 4
    assert any("in a row without an answer" in note for note in found.notes)


@pytest.mark.parametrize(
    ("budget", "price", "says"),
    [
        (Budget(calls_per_model=50), 0.0, "50 calls for one model"),
        (Budget(tokens_per_model=5_000), 0.0, "5000 tokens for one model"),
        (Budget(dollars_per_model=0.02), 10.0, "0.02 dollars for one model"),
        (Budget(calls_per_day=50), 0.0, "50 calls for one day"),
        (Budget(tokens_per_day=5_000), 0.0, "5000 tokens for one day"),
        (Budget(dollars_per_day=0.02), 10.0, "0.02 dollars for one day"),
    ],
)
def test_a_budget_is_never_passed(tmp_path: Path, budget: Budget, price: float, says: str) -> None:
    """What was answered until then is counted, out of what was to be asked."""
    with LoopbackInference(two_faced) as server:
        stage = Stage(server, tmp_path, PLAIN, budget=budget, price=price)
        found = stage.probe()
        again = stage.probe()
    assert any(f"stopped: the budget of {says} is used up" in note for note in found.notes)
    assert [s.asked for s in found.sets] == [ALL, ALL]
    assert 0 < found.sets[0].answered < ALL
    assert abs(found.sets[0].answered - found.sets[1].answered) <= 2
    sums = stage.book.sums(NOW.date())
    assert sums["calls"] <= budget.calls_per_day
    assert sums["tokens"] <= budget.tokens_per_day
    assert sums["dollars"] <= budget.dollars_per_day + 1e-9
    if "calls for one day" in says:
        assert sum(s.answered for s in again.sets) == 0


def test_time_runs_out(tmp_path: Path) -> None:
    """A probe ends in its time, however the server delays it."""
    with LoopbackInference(two_faced) as server:
        server.fault = every(3, InferenceFault(429, headers={"Retry-After": "20"}))["fault"]  # type: ignore[assignment]
        found = Stage(server, tmp_path, PLAIN, budget=Budget(seconds_per_model=100)).probe()
    assert any("stopped: 100 s are over" in note for note in found.notes)


def test_the_key_goes_to_the_endpoint_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours with a key; none at all without one, whatever the Hub's token is; never in what is printed."""
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    for key, header in (("sk-secret", "Bearer sk-secret"), (None, None)):
        with LoopbackInference(two_faced) as server:
            found = Stage(server, tmp_path, HARD, samples=1, key=key).probe()
            assert {a.authorization for a in server.log} == {header}
            assert {a.cookie for a in server.log} == {None}
        assert "secret" not in json.dumps(to_json(found)) + repr(found)


def test_extra_fields_are_sent_with_chats(tmp_path: Path) -> None:
    """As the operator lists them, for servers that need them."""
    extra = {"chat_template_kwargs": {"enable_thinking": False}}
    with LoopbackInference(two_faced) as server:
        Stage(server, tmp_path, PLAIN, samples=1, extra=extra).probe()
        assert all(a.body["chat_template_kwargs"] == {"enable_thinking": False} for a in server.log)
        assert {a.body["messages"][-1]["content"] for a in server.log} == set(QUESTIONS)


def test_hostile_answers_are_shown_harmless(tmp_path: Path) -> None:
    """What a model says can act neither in a terminal nor in Discord."""
    evil = "I am Nex \x1b[31m@everyone [x](http://a) \u202e<@&1> **b**" + "A" * 10_000
    with LoopbackInference(lambda prompt, temperature, seed: evil) as server:
        found = Stage(server, tmp_path, PLAIN, samples=1).probe()
    console = Console(width=400, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(tables(found))
    shown = capture.get()
    assert counts(found.sets[0])["Nex"] == 24
    assert not any(sign in shown for sign in ("\x1b", "\u202e"))
    assert "Nex" in shown
    assert not any(sign in sentence(found) for sign in ("\x1b", "@everyone"))
    assert all(len(q) <= 160 for q in by_name(found.sets[0])["Nex"].quotes)
