"""Who serves a model, which names are listened for, and the command that asks by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.config.inference import Budget, Endpoint, EndpointError
from bot.hub import Hub
from bot.inference.case_outcome import for_case
from bot.inference.interview import Interview, NotServed, Providers
from bot.inference.names import names_of, own_names, stem
from bot.inference.probe import ProbeLimits
from bot.sources.folder import LocalSource
from bot.sources.interface import Missing
from demo.hub.faults import Fault, LoggedRequest
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.inference import InferenceFault, LoopbackInference
from state.daily_spending import Spending
from state.registry.models import SHIPPED, Model, load
from tests.bot.inference.stage import HARD, NOW, SOFT, counts, two_faced

REPO = "prefeitura-rio/Rio-3.5-Open-397B"
TOKEN = "hf_secretsecretsecret"
LIVE = {"provider": "one", "status": "live", "providerId": "x", "task": "conversational"}


@pytest.fixture
def server() -> Iterator[LoopbackInference]:
    """A server of the model, under its repo id."""
    with LoopbackInference(two_faced, name=REPO, template=HARD) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The repository as a local folder."""
    folder = tmp_path / REPO
    folder.mkdir(parents=True)
    (folder / "chat_template.jinja").write_text(HARD)
    (folder / "config.json").write_text("{}")
    return folder


def nowhere(repo_id: str, revision: str) -> LocalSource:
    """Open no repository."""
    raise Missing(f"{repo_id} is not there at {revision}")


def interview(tmp_path: Path, *endpoints: Endpoint, providers: Providers | None = None) -> Interview:
    """Something to ask with, the shipped registry behind it."""
    book = Spending(tmp_path / "spending.json")
    return Interview(endpoints, providers, Budget(), load([SHIPPED]), book, lambda: NOW, ProbeLimits(samples=1))


def test_a_listed_endpoint_is_asked_by_its_own_list(server: LoopbackInference, folder: Path, tmp_path: Path) -> None:
    """The model that it calls by the repository's name; the names come from the registry and the upload."""
    found = interview(tmp_path, Endpoint(url=server.url)).probe(LocalSource(folder))
    assert (found.model, found.endpoint) == (REPO, server.url.split("/")[2])
    assert found.ref is not None
    assert found.ref.repo_id == REPO
    assert counts(found.sets[0]) == {"Nex": 24, "Nex-AGI": 24, "Rio": 0, "prefeitura-rio": 0}
    assert found.planted is not None
    assert found.planted.names == ("Rio",)


def test_an_operator_says_whose_weights_an_endpoint_has(
    server: LoopbackInference, folder: Path, tmp_path: Path
) -> None:
    """Where the server calls the model by another name."""
    server.name = "local-7"
    for given in ({"model": "local-7"}, {}):
        endpoint = Endpoint(url=server.url, repo_id=REPO.upper(), **given)  # type: ignore[arg-type]
        assert interview(tmp_path, endpoint).probe(LocalSource(folder)).model == "local-7"
    for other in (
        Endpoint(url=server.url),
        Endpoint(url=server.url, model="local-7"),
        Endpoint(url=server.url, repo_id="a/b"),
    ):
        with pytest.raises(NotServed, match="does not list it"):
            interview(tmp_path, other).probe(LocalSource(folder))


def test_with_nobody_to_ask_it_is_off(folder: Path, tmp_path: Path) -> None:
    """And says which setting would change that."""
    nobody = interview(tmp_path)
    assert nobody.off
    with pytest.raises(NotServed, match="BLENDWATCH_INFERENCE_ENDPOINTS"):
        nobody.probe(LocalSource(folder))


HIDDEN = {"repo_id": "nex-agi/Nex-N2-Pro", "declared": False}
BASE = {"repo_id": "Qwen/Qwen3.5-397B-A17B", "declared": True}


def test_a_case_gets_the_counts_and_whose_name_it_is(server: LoopbackInference, folder: Path, tmp_path: Path) -> None:
    """Only what JSON can hold; the name of a hidden parent is told as such, and so is what the template plants."""
    asking = interview(tmp_path, Endpoint(url=server.url))
    found = for_case(asking, LocalSource(folder), [HIDDEN, BASE], nowhere)
    assert json.loads(json.dumps(found)) == found
    assert (found["outcome"], found["why_not"]) == ("asked", None)
    assert [(n["name"], n["claims"]) for n in found["asked"][0]["names"][:2]] == [("Nex", 24), ("Nex-AGI", 24)]
    claimed, planted = found["findings"]
    assert "Nex in 24 of 24 answers [0.86, 1.00]" in claimed["says"]
    assert "Rio in 0 of 24 answers [0.00, 0.14]" in claimed["says"]
    assert "Nex is what nex-agi/Nex-N2-Pro is called" in claimed["says"]
    assert claimed["contradicts"] == "the name that the chat template plants"
    assert planted["kind"] == "planted prompt"
    assert "“You are Rio, made by IplanRio.”" in planted["says"]
    declared = for_case(asking, LocalSource(folder), [{**HIDDEN, "declared": True}], nowhere)
    assert "is called" not in declared["findings"][0]["says"]


def test_a_parent_whose_name_is_claimed_is_asked_the_same(
    server: LoopbackInference, folder: Path, tmp_path: Path
) -> None:
    """Its own answers stand beside them, with how often models misname themselves; one without a claim is not asked."""
    repo_id = str(HIDDEN["repo_id"])
    asked: list[tuple[str, str]] = []

    def opened(repo_id: str, revision: str) -> LocalSource:
        asked.append((repo_id, revision))
        return LocalSource(tmp_path / repo_id)

    (tmp_path / repo_id).mkdir(parents=True)
    (tmp_path / repo_id / "config.json").write_text("{}")
    with LoopbackInference(two_faced, name=repo_id) as other:
        asking = interview(tmp_path, Endpoint(url=server.url), Endpoint(url=other.url))
        found = for_case(
            asking, LocalSource(folder), [{**HIDDEN, "revision": "f" * 40}, {**BASE, "declared": False}], opened
        )
    assert json.loads(json.dumps(found)) == found
    assert asked == [(repo_id, "f" * 40)]
    assert found["parents"][repo_id]["answered"] == 24
    claimed = found["findings"][0]
    assert f"asked the same, {repo_id} calls itself Nex 24 of 24" in claimed["says"]
    rate = "36 of 102 models in a survey misnamed themselves, so a name alone shows nothing"
    assert rate in claimed["says"]
    assert claimed["brief"].startswith("it calls itself Nex 24 of 24, Nex-AGI 24 of 24, Rio 0 of 24")
    assert f"({rate}); asked the same, {repo_id} calls itself Nex 24 of 24" in claimed["brief"]


def test_a_case_gets_the_reason_and_what_is_planted_where_nobody_answers(
    server: LoopbackInference, folder: Path, tmp_path: Path
) -> None:
    """Nobody listed, nobody in reach, no money, nothing but errors: each is an outcome, and no error of ours."""
    local = LocalSource(folder)
    off, gone = interview(tmp_path), interview(tmp_path, Endpoint(url="http://127.0.0.1:9"))
    poor = replace(interview(tmp_path, Endpoint(url=server.url)), budget=Budget(calls_per_model=0))
    for asking, outcome, why in (
        (off, "nobody serves it", "no server is listed"),
        (gone, "nobody serves it", "failed"),
        (poor, "budget spent", "0 calls for one model is used up"),
    ):
        found = for_case(asking, local, [HIDDEN], nowhere)
        assert found["outcome"] == outcome
        assert why in found["why_not"]
        assert [f["kind"] for f in found["findings"]] == ["planted prompt"]
    server.fault = lambda asked: None if asked.path.endswith("/models") else InferenceFault(status=400)
    broken = for_case(interview(tmp_path, Endpoint(url=server.url)), local, [HIDDEN], nowhere)
    assert broken["outcome"] == "failed"
    missing = for_case(
        interview(tmp_path, Endpoint(url=server.url)), LocalSource(tmp_path / "no" / "where"), [], nowhere
    )
    assert missing["outcome"] == "failed"


@pytest.mark.parametrize(
    ("mapping", "served"),
    [
        ([LIVE], True),
        ({"one": LIVE}, True),
        ([{**LIVE, "status": "staging"}], False),
        ([{**LIVE, "task": "text-to-image"}], False),
        ([], False),
        ({}, False),
        (None, False),
        ([1, "a", None], False),
    ],
)
def test_providers_are_asked_if_the_hub_says_that_one_serves_it(
    server: LoopbackInference, tmp_path: Path, mapping: object, served: bool
) -> None:
    """The token goes to the Hub and to the router, which is asked only for what somebody serves."""
    repo = LoopbackRepo(repo_id=REPO, files={"chat_template.jinja": BytesBlob(SOFT.encode())})

    def fault(seen: LoggedRequest) -> Fault | None:
        if "inferenceProviderMapping" not in seen.query:
            return None
        return Fault(body=json.dumps({"id": REPO, "inferenceProviderMapping": mapping}).encode())

    with LoopbackHub([repo]) as site, Hub(site.url, TOKEN) as hub:
        site.fault = fault
        asking = interview(tmp_path, providers=Providers(site.url, TOKEN, server.url))
        if served:
            found = asking.probe(hub.repo(REPO))
            assert counts(found.sets[0])["Nex"] == 24
            assert found.spent.dollars == pytest.approx(found.spent.tokens * 5e-6)
            assert {a.authorization for a in server.log} == {f"Bearer {TOKEN}"}
        else:
            with pytest.raises(NotServed, match="no inference provider serves it"):
                asking.probe(hub.repo(REPO))
            assert server.log == []
        assert TOKEN not in repr(asking)
        assert hub.repo(REPO).facts().ref.repo_id == REPO  # the Hub's own client is back in its place


def test_a_key_is_read_from_its_file_and_shown_nowhere(server: LoopbackInference, folder: Path, tmp_path: Path) -> None:
    """It goes to its endpoint; one that cannot be a key is an error that does not quote it."""
    key = tmp_path / "key"
    key.write_text(" sk-secret\n")
    endpoint = Endpoint(url=server.url, key_file=key)
    asking = interview(tmp_path, endpoint)
    assert "sk-secret" not in repr(asking.at(server.url, None))
    asking.probe(LocalSource(folder))
    assert {a.authorization for a in server.log} == {"Bearer sk-secret"}
    for wrong in ("sk secret", "", "x" * 5000, "sk-\u00e9"):
        key.write_text(wrong)
        with pytest.raises(EndpointError, match="the key of 127") as error:
            asking.probe(LocalSource(folder))
        assert not wrong or wrong not in str(error.value)
    key.unlink()
    with pytest.raises(EndpointError, match="No such file"):
        asking.probe(LocalSource(folder))


@pytest.mark.parametrize(
    "url", ["ftp://a/v1", "a:80", "http://", "http://user:pw@a/v1", "http://a/v1?key=1", "http://a:99999"]
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ValueError, match="must be an"):
        Endpoint(url=url)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Qwen3.5-397B-A17B", "Qwen"),
        ("Nex-N2-Pro", "Nex"),
        ("gpt-oss-20b", "gpt-oss"),
        ("Mistral-Large-Instruct-2407", "Mistral"),
        ("GLM-4.7", "GLM"),
        ("Rio-3.5-Open-397B", "Rio"),
        ("7B-model", ""),
        ("", ""),
    ],
)
def test_a_title_begins_with_a_name(title: str, name: str) -> None:
    """Up to its version, its size or a word that many have."""
    assert stem(title) == name


def test_every_shipped_model_has_a_name_to_listen_for() -> None:
    """And its maker, as written in other scripts too; but for names of one or two letters, which anything could be."""
    models = load([SHIPPED]).models
    names = names_of(models)
    unnamed = {stem(m.title) for m in models if stem(m.title) not in names}
    assert unnamed == {"A-X", "Hy", "Yi", "c"}
    assert {names["gemma-2-27b"], names["Gemma"], names["Gemma 2"]} == {"Gemini"}
    assert (names["通义千问"], names["Nex-AGI"], names["Nex-N2-Pro"], names["Alibaba Qwen"]) == (
        "Qwen",
        "Nex-AGI",
        "Nex",
        "Alibaba",
    )
    assert own_names("someone/Qwen2.5-7B-Best", names)["Qwen2.5-7B-Best"] == "Qwen"
    assert own_names("nex-agi/Nex-N2-mini", names) == {"Nex": "Nex", "Nex-N2-mini": "Nex", "nex-agi": "Nex-AGI"}


def test_a_model_is_listened_for_by_the_names_that_it_calls_itself() -> None:
    """Each stands for the model's own name, unless it is known as somebody else's."""
    names = names_of([Model("lab/Zephyrine-9B", "release", names=("Zeph", "泽菲", "Qwen"))])
    assert (names["Zeph"], names["泽菲"], names["Qwen"]) == ("Zephyrine", "Zephyrine", "Qwen")


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, Any], *args: str) -> Any:
    """Run `blendwatch ask` in a data folder of its own."""
    for name, value in settings.items():
        monkeypatch.setenv(f"BLENDWATCH_{name}", value if isinstance(value, str) else json.dumps(value))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return CliRunner().invoke(app, ["ask", *args, "--data", str(tmp_path / "data")])


def test_the_command_asks_an_address(
    server: LoopbackInference, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the template of the folder that holds the model; the only model there needs no name."""
    done = run(monkeypatch, tmp_path, {}, server.url, "--repo", str(folder), "--samples", "2", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["planted"]["names"] == ["Rio"]
    assert [(s["way"], s["road"], s["asked"], s["answered"]) for s in report["asked"]] == [
        ("no system", "completions", 48, 48),
        ("empty system", "chat", 48, 48),
        ("as templated", "chat", 48, 48),
    ]
    assert {n["name"]: n["claims"] for n in report["asked"][0]["names"]}["Nex"] == 48
    low, high = report["asked"][0]["names"][0]["interval"]
    assert (round(low, 3), high) == (0.926, 1.0)


def test_the_command_shows_a_table(
    server: LoopbackInference, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names down, ways across, and the planted prompt."""
    endpoints = [{"url": server.url}]
    monkeypatch.setenv("COLUMNS", "160")
    done = run(monkeypatch, tmp_path, {"INFERENCE_ENDPOINTS": endpoints}, str(folder), "--samples", "1")
    assert done.exit_code == 0, done.output
    text = " ".join(done.output.split())
    for part in ("24 of 24 [0.86, 1.00]", "0 of 24 [0.00, 0.14]", "You are Rio, made by", "over completions"):
        assert part in text


@pytest.mark.parametrize(
    ("settings", "args", "status", "says"),
    [
        ({}, ["{folder}"], 1, "BLENDWATCH_INFERENCE_ENDPOINTS"),
        ({"INFERENCE_ENDPOINTS": "[{]"}, ["{folder}"], 2, "inference_endpoints"),
        ({"INFERENCE_ENDPOINTS": [{"url": "x"}]}, ["{folder}"], 2, "BLENDWATCH_INFERENCE_ENDPOINTS"),
        (
            {"INFERENCE_ENDPOINTS": [{"url": "http://a", "key": "sk-1"}]},
            ["{folder}"],
            2,
            "BLENDWATCH_INFERENCE_ENDPOINTS",
        ),
        ({"INFERENCE_BUDGET": {"calls_per_day": -1}}, ["{folder}"], 2, "BLENDWATCH_INFERENCE_BUDGET"),
        ({"INFERENCE_PROVIDERS": "true"}, ["{folder}"], 2, "HF_TOKEN"),
        ({}, ["http://127.0.0.1:9/v1"], 1, "the connection to 127.0.0.1 failed"),
        ({}, ["http://u:p@127.0.0.1/v1"], 2, "without a user"),
        ({}, ["{folder}", "--model", "x"], 2, "--model"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    args: list[str],
    status: int,
    says: str,
) -> None:
    """That names the thing, and never a key."""
    done = run(monkeypatch, tmp_path, settings, *(a.format(folder=folder) for a in args))
    assert done.exit_code == status, done.output
    assert says.lower() in done.output.replace("\n", "").lower()
    assert "Traceback" not in done.output
    assert "sk-1" not in done.output


def test_several_models_need_a_name(server: LoopbackInference, tmp_path: Path) -> None:
    """And their names, which are strangers', are shown harmless."""
    asking = interview(tmp_path)
    assert asking.at(server.url, None).model == REPO
    server.name = ""
    with pytest.raises(NotServed, match="--model"):
        asking.at(server.url, None)
    assert replace(asking, endpoints=(Endpoint(url=server.url, model="m"),)).at(server.url[:-3], None).model == "m"
