"""`blendwatch check` where known models cannot be read: it says so, asks for little, and accuses and clears nobody."""

from __future__ import annotations

import socket
from pathlib import Path

from demo.hub.faults import Fault, LoggedRequest
from demo.scene import BASE, RELEASE
from state.registry.models import SHIPPED
from tests.bot.stage import REPOS, Stage, changed, saved, stage

COPY, OTHER = "rebrand/Phoenix", "oakridge/Taiga-1"


def closed_port() -> str:
    """Return an address of this machine where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def without(repo_id: str) -> Fault | None:
    """Return the fault of a Hub that gives nothing of one repository for now."""
    return Fault(status=503) if RELEASE in repo_id else None


def read_all(at: Stage) -> None:
    """Let a check of an upload that is none of them read the known models."""
    assert at.report(OTHER)["finding"] == "unrelated"


def test_a_check_without_a_network_is_inconclusive_after_a_few_requests(tmp_path: Path) -> None:
    """No known model could be read, so it is neither a copy nor unrelated; the reason names the cause."""
    folder = saved(tmp_path / "local", COPY)
    with stage(tmp_path) as at:
        report = at.report(str(folder), "--registry", str(SHIPPED), HF_ENDPOINT=closed_port())
    assert (report["finding"], report["disclosure"], report["audience"]) == ("inconclusive", "none-needed", "none")
    assert report["why"].startswith("0 of 205 known models could be read: There is no connection to the Hub")
    assert "refused it; look at HF_ENDPOINT" in report["why"]
    assert report["findings"][0]["kind"] == "inconclusive"
    assert report["sampled"]["compared"] == 0
    assert 0 < report["cost"]["requests"] <= 6
    assert report["cost"]["seconds"] < 20


def test_a_check_asks_again_for_what_was_away_before(tmp_path: Path) -> None:
    """What is remembered of an absence keeps the watch from asking, and not a person."""
    folder = saved(tmp_path / "local", COPY)
    with stage(tmp_path) as at:
        blind = at.report(str(folder), HF_ENDPOINT=closed_port())
        assert (blind["finding"], (tmp_path / "data" / "absences.json").exists()) == ("inconclusive", True)
        assert at.report(str(folder))["finding"] == "copy"


def test_offline_uses_what_is_stored_and_asks_nothing(tmp_path: Path) -> None:
    """With all known models stored the verdict stands; without, it is inconclusive, and no absence is remembered."""
    copy = saved(tmp_path / "local", COPY)
    with stage(tmp_path) as at:
        blind = at.report(str(copy), "--offline")
        assert (blind["finding"], blind["cost"]["requests"]) == ("inconclusive", 0)
        assert "0 of 2 known models could be read: no request is sent to the Hub while offline" in blind["why"]
        assert not (tmp_path / "data" / "absences.json").exists()
        read_all(at)
        asked = len(at.hub.log)
        found = at.report(str(copy), "--offline")
        assert (found["finding"], found["audience"]) == ("copy", "reviewers")  # no second look, so no alert
        named = at.run("check", COPY, "--offline")
        assert (named.returncode, named.stdout, "--offline is set" in named.stderr) == (1, "", True)
        assert len(at.hub.log) == asked


def test_nothing_is_unrelated_while_a_known_model_is_out_of_reach(tmp_path: Path) -> None:
    """Another finding stands, and says how many known models it rests on."""

    def fault(seen: LoggedRequest) -> Fault | None:
        return without(seen.path)

    with stage(tmp_path) as at:
        at.hub.fault = fault
        other, child = at.report(OTHER), at.report("finch/Meridian-Py")
        at.hub.fault = None
        assert (other["finding"], child["finding"]) == ("inconclusive", "derivative")
        assert other["why"].startswith("1 of 2 known models could be read: The Hub answered 503")
        assert child["why"].endswith("; 1 of 2 known models could be read")
        read_all(at)
        assert "could be read" not in at.report("finch/Meridian-Py")["why"]


def test_a_known_model_that_is_gone_does_not_blind_and_is_counted(tmp_path: Path) -> None:
    """It will not come back, so the verdict stands on the others; where all are gone, nothing is said."""
    repos = {OTHER: REPOS[OTHER], BASE: REPOS[BASE]}
    with stage(tmp_path, repos) as at:
        found = at.report(OTHER)
        assert (found["finding"], "; 1 of 2 known models could be read" in found["why"]) == ("unrelated", True)
        assert any(RELEASE in problem for problem in found["problems"])
    gone = tmp_path / "gone"
    gone.mkdir()
    with stage(gone, {OTHER: REPOS[OTHER]}) as at:
        assert at.report(OTHER)["why"].startswith(f"0 of 2 known models could be read: {BASE} is deleted")


def test_what_is_unreadable_ends_with_status_1(tmp_path: Path) -> None:
    """A folder without weights is no upload that was found innocent."""
    shards = [path for path in REPOS[OTHER].files if path.endswith(".safetensors")]
    empty = changed(REPOS[OTHER], dict.fromkeys(shards))
    with stage(tmp_path, REPOS | {OTHER: empty}) as at:
        report = at.report(OTHER)
    assert (report["finding"], "nothing could be sampled" in report["why"]) == ("inconclusive", True)


def test_a_registry_without_models_is_refused(tmp_path: Path) -> None:
    """A check that could find nothing is a mistake in the configuration; a watch has earlier uploads, and says so."""
    (tmp_path / "empty.yaml").write_text("models: []\n")
    with stage(tmp_path) as at:
        done = at.run("check", OTHER, "--registry", str(tmp_path / "empty.yaml"))
        watched = at.run("watch", "--once", "--registry", str(tmp_path / "empty.yaml"))
    assert (done.returncode, done.stdout, "there are no known models in" in done.stderr) == (2, "", True)
    assert (watched.returncode, "there are no known models in" in watched.stderr) == (0, True)
