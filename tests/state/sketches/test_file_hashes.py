"""The hashes of known models' files: kept, found by digest, and safe against whatever lies in the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.errors import StateError
from state.sketches.file_hashes import MAX_BYTES, KnownFiles, ModelFiles

SHARD, OTHER, SMALL = "sha256:" + "a" * 64, "sha256:" + "b" * 64, "git:" + "c" * 40
MODEL = ModelFiles("org/Model", "1" * 40, {"model.safetensors": SHARD, "tokenizer.json": SMALL})
SISTER = ModelFiles("org/Sister", "2" * 40, {"model.safetensors": OTHER, "tokenizer.json": SMALL})


def test_what_is_kept_is_found_by_its_digest(tmp_path: Path) -> None:
    """By one that kept it and by another that opens the folder; who shares a file is named, too."""
    files = KnownFiles(tmp_path / "files")
    assert files.holders([SHARD]) == {}
    files.put(MODEL)
    assert files.holders([SHARD, SMALL, OTHER]) == {SHARD: ("org/Model",), SMALL: ("org/Model",)}
    other = KnownFiles(tmp_path / "files")
    other.put(SISTER)
    assert set(files.holders([SMALL])[SMALL]) == {"org/Model", "org/Sister"}
    assert other.has("ORG/model", "1" * 40)
    assert not other.has("org/Model", "2" * 40)


def test_another_revision_takes_the_place_of_the_first(tmp_path: Path) -> None:
    """A model has one record."""
    files = KnownFiles(tmp_path)
    files.put(MODEL)
    files.put(ModelFiles("org/Model", "3" * 40, {"model.safetensors": OTHER}))
    assert files.holders([SHARD, OTHER]) == {OTHER: ("org/Model",)}
    assert len(list(tmp_path.iterdir())) == 1


def test_nothing_is_kept_of_what_is_no_digest(tmp_path: Path) -> None:
    """Texts of strangers do not get into the folder as digests; a model without any leaves no file."""
    KnownFiles(tmp_path).put(ModelFiles("org/Odd", "1" * 40, {"a": "sha256:../../x", "b": "md5:1"}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"repo_id": "a/b", "revision": "1", "files": []}', '{"repo_id": "a/b"', "[" * 9999, "9" * 9999,
     '{"repo_id": "a/b", "revision": "1", "files": {"x": 1}}', " " * (MAX_BYTES + 1)],
)  # fmt: skip
def test_a_file_that_cannot_be_read_counts_as_absent(tmp_path: Path, text: str) -> None:
    """The others are found all the same."""
    (tmp_path / "odd.json").write_text(text)
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    files = KnownFiles(tmp_path)
    files.put(MODEL)
    assert files.holders([SHARD]) == {SHARD: ("org/Model",)}


def test_a_disk_that_refuses_is_one_error(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "files").write_text("a file in the way")
    with pytest.raises(StateError, match="cannot be written"):
        KnownFiles(tmp_path / "files").put(MODEL)
