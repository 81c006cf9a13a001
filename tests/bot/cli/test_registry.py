"""The registry's commands, over a Hub on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.known.registry_diff import summary
from demo.scene import BASE, HIDDEN, RELEASE
from state.registry.models import SHIPPED, load
from tests.bot.stage import NOW, REPOS, Stage, stage

COUNTED = "2 known models (1 bases), 0 groups of organisations, 0 suppressions, 0 declared pairs"
KNOWN = {BASE: REPOS[BASE], RELEASE: REPOS[RELEASE]}


@contextmanager
def house(folder: Path, **env: str) -> Iterator[Stage]:
    """The demo's Hub, and the registry in a folder of the operator's own beside that which is shipped."""
    repos = {**REPOS, RELEASE: replace(REPOS[RELEASE], counted=7_000_000, tags=("license:mit",))}
    with stage(folder, repos) as at:
        (folder / "known").mkdir()
        yield Own(at.hub, at.discord, at.folder, at.cast)


class Own(Stage):
    """A stage whose registry is two folders."""

    @property
    def env(self) -> dict[str, str]:
        """See Stage."""
        return super().env | {"BLENDWATCH_REGISTRY": f"{SHIPPED}:{self.folder / 'known'}"}


def test_validate_tells_every_mistake_at_once(tmp_path: Path) -> None:
    """One line each, with file, line and column; of the settings' files, or of those that are named."""
    with stage(tmp_path, {}) as at:
        good = at.run("registry", "validate")
        broken = tmp_path / "broken.yaml"
        broken.write_text("models:\n- repo_id: no slash\n  role: bass\n- {role: base}\nmore: 1\n")
        bad = at.run("registry", "validate", str(tmp_path / "registry.yaml"), str(broken), str(tmp_path / "none"))
    assert (good.returncode, good.stdout) == (0, f"no mistakes: {COUNTED}\n")
    assert bad.returncode == 2
    lines = bad.stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        *(f"{broken}:{spot}" for spot in ("2:12", "3:9", "4:3", "5:1")),
        f"{tmp_path / 'none'}:1:1",
    ]
    assert bad.stderr == ""


def test_a_model_is_added_and_removed_by_its_name_alone(tmp_path: Path) -> None:
    """With what the Hub knows of it; the file is made, edited in place, and never two of the same."""
    with house(tmp_path) as at:
        local = tmp_path / "known" / "local.yaml"
        added = at.run("registry", "add", RELEASE, "--maker", "Tidepool: AI", "--role", "release")
        assert added.returncode == 0, added.stderr
        assert "7,000,000 parameters" in added.stdout
        (model,) = load([local]).models
        repo = at.hub.repos[RELEASE]
        assert (model.repo_id, model.revision, model.role) == (RELEASE, repo.revision, "release")
        assert (model.weights_at, model.created_at) == (repo.weights_at, repo.created_at)
        assert (model.licence, model.maker, model.family) == ("mit", "Tidepool: AI", "llama")
        local.write_text("# ours\n" + local.read_text() + "# the end\n")
        kept = local.read_text()
        again = at.run("registry", "add", RELEASE.upper())
        assert (again.returncode, "is a known model already" in again.stderr) == (2, True)
        base = at.run("registry", "add", BASE, "--role", "base", "--family", "Meridian")
        assert base.returncode == 0, base.stderr
        assert [m.family for m in load([local]).models] == ["llama", "Meridian"]
        assert at.run("registry", "remove", BASE).returncode == 0
        assert local.read_text() == kept
        gone = at.run("registry", "remove", BASE)
        assert (gone.returncode, f"{BASE} is not there" in gone.stderr) == (2, True)


def test_what_cannot_be_added_is_one_clear_error_and_no_file(tmp_path: Path) -> None:
    """Not on the Hub, renamed, no folder to put it in, a role there is none of, a file that is read-only."""
    with house(tmp_path) as at:
        at.hub.add(replace(REPOS[HIDDEN], repo_id="old/Name", renamed_to=HIDDEN))
        tries = {
            "nobody/nothing": (1, "nobody/nothing"),
            "old/Name": (1, f"is called {HIDDEN} now"),
            "no name": (1, "not a name of a repository"),
        }
        for name, (status, said) in tries.items():
            done = at.run("registry", "add", name)
            assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (status, True, 1), done.stderr
        role = at.run("registry", "add", BASE, "--role", "parent")
        assert (role.returncode, "`role` must be 'base' or 'release'" in role.stderr) == (2, True)
        nowhere = at.run("registry", "add", BASE, BLENDWATCH_REGISTRY=str(SHIPPED))
        assert (nowhere.returncode, "--file" in nowhere.stderr) == (2, True)
        assert list((tmp_path / "known").iterdir()) == []
        file = tmp_path / "read-only.yaml"
        file.write_text("models: []\n")
        file.chmod(0o444)
        done = at.run("registry", "add", BASE, "--file", str(file))
        assert (done.returncode, done.stderr) == (1, f"blendwatch: {file} is read-only: nothing was changed\n")
        assert file.read_text() == "models: []\n"


def test_warm_verifies_and_reads_each_known_model_once(tmp_path: Path) -> None:
    """A line for each; the second time nothing is asked, --only asks again, and list shows it all."""
    with stage(tmp_path, KNOWN) as at:
        before = json.loads(at.run("registry", "list", "--json").stdout)
        assert [entry["hub"] for entry in before] == [None, None]
        first = at.run("registry", "warm")
        assert first.returncode == 0, first.stdout + first.stderr
        assert [line.split(":")[0].split() for line in first.stdout.splitlines()] == [["ok", BASE], ["ok", RELEASE]]
        asked = len(at.hub.log)
        assert at.run("registry", "warm").stdout == first.stdout
        assert len(at.hub.log) == asked
        assert at.run("registry", "warm", "--only", BASE.upper()).returncode == 0
        assert asked < len(at.hub.log) <= asked + 3
        listed = at.run("registry", "list", "--role", "base")
        assert (listed.stdout.split()[0], "verified 20" in listed.stdout, len(listed.stdout.splitlines())) == (
            BASE,
            True,
            1,
        )
        unknown = at.run("registry", "warm", "--only", "un/known")
        assert (unknown.returncode, "un/known is no known model" in unknown.stderr) == (2, True)


def test_warm_says_what_the_hub_says_otherwise(tmp_path: Path) -> None:
    """Time, licence, commit and name of an entry; what was changed in the file is verified anew."""
    with stage(tmp_path, KNOWN) as at:
        at.hub.add(replace(REPOS[BASE], tags=("license:mit",)))
        at.hub.add(REPOS[HIDDEN])
        at.hub.add(replace(REPOS[HIDDEN], repo_id="old/Name", renamed_to=HIDDEN))
        wrong = (NOW - timedelta(days=80)).strftime("%Y-%m-%dT%H:%M:%SZ")
        (tmp_path / "registry.yaml").write_text(
            f"models:\n- {{repo_id: {BASE}, role: base, licence: apache-2.0, weights_at: {wrong}}}\n"
            f"- {{repo_id: {RELEASE}, role: release, revision: {'a' * 40}}}\n- {{repo_id: old/Name, role: base}}\n"
        )
        done = at.run("registry", "warm", "--json")
        told = {entry["repo_id"]: entry for entry in json.loads(done.stdout)}
        assert done.returncode == 1
        assert {entry["state"] for entry in told.values()} == {"differs"}
        assert "its licence is mit, the entry says apache-2.0" in told[BASE]["said"]
        assert f"the entry says {wrong}" in told[BASE]["said"]
        assert f"is called {HIDDEN} now" in told["old/Name"]["said"]
        assert RELEASE in told[RELEASE]["said"]
        assert "differs" in at.run("registry", "list").stdout
        (tmp_path / "registry.yaml").write_text(f"models:\n- {{repo_id: {BASE}, role: base, licence: MIT}}\n")
        assert "never verified" in at.run("registry", "list").stdout
        assert at.run("registry", "warm").returncode == 0


def test_warm_reports_what_the_hub_confirmed_as_a_registry_file(tmp_path: Path) -> None:
    """With its times and licence where the entry had none; what differs is a comment; the file is one that is read."""
    hostile = 'a: "b" # c'
    with stage(tmp_path, {**KNOWN, RELEASE: replace(REPOS[RELEASE], tags=("license:mit",))}) as at:
        (tmp_path / "registry.yaml").write_text(
            f"models:\n- {{repo_id: {BASE}, role: base, licence: gone-1.0, weights_at: 2020-01-01T00:00:00Z}}\n"
            f"- {{repo_id: {RELEASE}, role: release, title: {json.dumps(hostile)}, aliases: [Coder]}}\n"
        )
        done = at.run("registry", "warm", "--report")
        again = at.run("registry", "warm", "--report")  # from what was kept
        both = at.run("registry", "warm", "--report", "--json")
        gone = at.run("registry", "warm", "--report", "--only", BASE)
        (tmp_path / "pasted.yaml").write_text(done.stdout)
        (tmp_path / "empty.yaml").write_text(gone.stdout)
        checked = at.run("registry", "validate", str(tmp_path / "pasted.yaml"), str(tmp_path / "empty.yaml"))
        (model,) = load([tmp_path / "pasted.yaml"]).models
    assert (done.returncode, both.returncode, checked.returncode) == (1, 2, 0), checked.stdout
    assert again.stdout.splitlines()[1:] == done.stdout.splitlines()[1:]
    assert (model.repo_id, model.role, model.title, model.aliases) == (RELEASE, "release", hostile, ("Coder",))
    assert (model.licence, model.revision, model.verified) == ("mit", None, datetime.now(UTC).date())
    assert model.weights_at is not None
    assert re.search(r"verified: [0-9-]{10}  # at commit [0-9a-f]{40}$", done.stdout, re.MULTILINE)
    assert "# 1 of 2 entries are as the Hub has them" in done.stdout
    assert f"# {BASE}: differs: its weights are of " in done.stdout


def test_warm_stops_at_its_requests_and_goes_on_from_there(tmp_path: Path) -> None:
    """What is left says so, and what was done is not asked for again."""
    with stage(tmp_path, KNOWN) as at:
        done = at.run("registry", "warm", "--requests", "1", "--json")
        assert done.returncode == 1
        assert [entry["state"] for entry in json.loads(done.stdout)] == ["ok", "left"]
        asked = len(at.hub.log)
        done = at.run("registry", "warm", "--json")
        assert [entry["state"] for entry in json.loads(done.stdout)] == ["ok", "ok"]
        assert not [seen for seen in at.hub.log[asked:] if BASE in seen.path]


def test_a_hub_that_does_not_answer_has_verified_nothing(tmp_path: Path) -> None:
    """Each entry says so, and none counts as verified; a folder needs no Hub."""
    with stage(tmp_path, KNOWN) as at:
        done = at.run("registry", "warm", "--json", HF_ENDPOINT="http://127.0.0.1:9")
        assert done.returncode == 1
        assert {entry["state"] for entry in json.loads(done.stdout)} == {"unreached"}
        assert at.run("registry", "list").stdout.count("never verified") == 2


def test_diff_tells_what_came_went_and_changed(tmp_path: Path) -> None:
    """Between two files, or what is shipped and what the settings name."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(
        "models:\n- {repo_id: a/gone, role: base, family: F}\n"
        "- {repo_id: b/same, role: base}\n- {repo_id: c/other, role: base}\n"
        "suppressions:\n- {repo_id: x/y, reason: asked, until: 2026-12-31}\n"
        "- {repo_id: x/z, reason: r, until: 2026-12-31}\n"
        "declared:\n- {child: x/y, parents: [b/same], reason: told}\n"
    )
    new.write_text(
        "models:\n- {repo_id: B/Same, role: base}\n- {repo_id: c/other, role: release, aliases: [x, y]}\n"
        "- {repo_id: d/new, role: release}\norganisations:\n- {name: Both, members: [c, d]}\n"
        "suppressions:\n- {repo_id: x/y, reason: asked, until: 2027-01-31}\n"
        f"- {{weights: {'a' * 64}, reason: a mirror, until: 2027-01-31}}\n"
        "declared:\n- {child: x/y, parents: [b/same, d/new], reason: told}\n"
        "- {child: X/y, parents: [c/other], reason: r}\n"
    )
    with stage(tmp_path, {}) as at:
        done = at.run("registry", "diff", str(old), str(new))
        shipped = at.run("registry", "diff", BLENDWATCH_REGISTRY=f"{SHIPPED}:{old}")
        same = at.run("registry", "diff", str(old), str(old))
    assert done.stdout.splitlines() == [
        "- a/gone (base, F)",
        "~ B/Same: repo_id b/same -> B/Same",
        "~ c/other: role base -> release, aliases none -> x, y",
        "+ d/new (release)",
        "+ organisations Both (c, d)",
        f"+ suppression of weights {'a' * 64} (2027-01-31)",
        "~ suppression of x/y: until 2026-12-31 -> 2027-01-31",
        "- suppression of x/z (2026-12-31)",
        "~ declared for x/y: parents b/same -> b/same, d/new",
        "+ declared for X/y (2) (c/other)",
    ]
    assert summary(load([old]), load([new])) == (
        "3 known models (1 came, 1 went, 2 changed), 1 groups of organisations (1 came, 0 went, 0 changed), "
        "2 suppressions (1 came, 1 went, 1 changed), 2 declared pairs (1 came, 0 went, 1 changed)"
    )
    assert summary(load([old]), load([old])).startswith("3 known models, 0 groups")
    assert [line[0] for line in shipped.stdout.splitlines()] == ["+"] * 6
    assert (same.returncode, same.stdout) == (0, "")


def test_list_says_what_there_is_where_nothing_is_found(tmp_path: Path) -> None:
    """A family is found by how its name begins; one that is not there ends with status 1 and the families."""
    with stage(tmp_path, {}) as at:
        shipped = ("--registry", str(SHIPPED))
        qwen = at.run("registry", "list", "--family", "qwen", *shipped)
        none = at.run("registry", "list", "--family", "nothing", "--json", *shipped)
        (tmp_path / "empty.yaml").write_text("models: []\n")
        empty = at.run("registry", "validate", str(tmp_path / "empty.yaml"), "--json")
    assert qwen.returncode == 0
    assert {"Qwen2", "Qwen3"} <= {line.split()[2] for line in qwen.stdout.splitlines()}
    assert (none.returncode, json.loads(none.stdout)) == (1, [])
    assert "the families are " in none.stderr
    assert "Qwen3" in none.stderr
    assert (empty.returncode, json.loads(empty.stdout)["models"]) == (0, 0)
    assert "it names no known models" in empty.stderr
