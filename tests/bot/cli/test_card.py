"""`blendwatch card`: an author tests a card before it is published."""

from __future__ import annotations

import json
from pathlib import Path

from demo.scene import BASE, HIDDEN
from tests.bot.stage import stage

CARD = "---\nbase_model: North/Pine-7B\n---\nTrained with SFT. It beats river-lab/Oak-7B-Instruct, unlike Own-7B.\n"


def test_a_file_a_folder_and_a_repository(tmp_path: Path) -> None:
    """JSON as its readers rely on it; a file's own model comes from --repo, a folder's from its path."""
    folder = tmp_path / "me" / "Own-7B"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    with stage(tmp_path) as at:
        done = at.run("card", str(folder / "README.md"), "--json", "--repo", "me/Own-7B")
        found = json.loads(done.stdout)
        assert (done.returncode, at.run("card", str(folder), "--json").stdout) == (0, done.stdout)
        assert found["declared"] == [
            {"repo_id": "North/Pine-7B", "where": "front matter", "quote": "base_model: North/Pine-7B"}
        ]
        assert [n["repo_id"] for n in found["named"]] == ["river-lab/Oak-7B-Instruct"]
        assert [(c["kind"], c["subject"]) for c in found["claims"]] == [("post-training", "sft")]
        on_the_hub = json.loads(at.run("card", HIDDEN, "--json").stdout)
        assert [d["repo_id"] for d in on_the_hub["declared"]] == [BASE]


def test_bad_input_gets_one_reason(tmp_path: Path) -> None:
    """What cannot be read ends with status 1 and one line; any bytes and a card without end are read in part."""
    odd = tmp_path / "odd.md"
    odd.write_bytes(b"\xff\x00\x1b[2J" + "\u202e".encode() + b"x " * 1_000_000)
    with stage(tmp_path) as at:
        missing = at.run("card", "gone/model")
        assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
        assert "gone/model" in missing.stderr
        shown = at.run("card", str(odd))
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "only the first 1,000,000 bytes" in shown.stdout
        assert "\x1b" not in shown.stdout
