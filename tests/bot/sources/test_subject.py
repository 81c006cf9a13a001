"""What people paste: paths, names, and addresses at the Hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sources.interface import SourceError
from bot.sources.subject import open_local, parse_name

MIRROR = "http://mirror.example:8080"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "repo_id", "revision"),
    [
        ("org/name", "org/name", None),
        ("org/name@v1.0", "org/name", "v1.0"),
        (" https://huggingface.co/org/name ", "org/name", None),
        ("https://huggingface.co/org/name/", "org/name", None),
        ("http://hf.co/org/name", "org/name", None),
        ("huggingface.co/org/name", "org/name", None),
        ("https://HuggingFace.co/org/name?library=transformers#usage", "org/name", None),
        (f"https://huggingface.co/org/name/tree/{COMMIT}", "org/name", COMMIT),
        ("https://huggingface.co/org/name/tree/refs%2Fpr%2F3", "org/name", "refs/pr/3"),
        ("https://huggingface.co/org/name/blob/main/config.json", "org/name", "main"),
        ("https://huggingface.co/org/name/resolve/v2/model.safetensors?download=true", "org/name", "v2"),
        (f"https://huggingface.co/org/name/commit/{COMMIT}", "org/name", COMMIT),
        ("https://huggingface.co/org/name/discussions/4", "org/name", None),
        (f"{MIRROR}/org/name/tree/main", "org/name", "main"),
    ],
)
def test_a_name_or_an_address_names_a_repository(text: str, repo_id: str, revision: str | None) -> None:
    """With its revision, wherever that stands; the Hub of the settings may be another."""
    assert parse_name(text, MIRROR) == (repo_id, revision)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://github.com/org/name", "not an address at the Hub"),
        ("https://huggingface.co.evil.example/org/name", "not an address at the Hub"),
        ("ftp://huggingface.co/org/name", "not an address at the Hub"),
        ("https://huggingface.co/org", "not a page of a model"),
        ("https://huggingface.co/datasets/org/name", "not a page of a model"),
        ("org/name@", "no revision behind the @"),
    ],
)
def test_what_names_no_model_is_refused(text: str, said: str) -> None:
    """In one sentence that quotes it and names the form that is wanted."""
    with pytest.raises(SourceError, match=said) as raised:
        parse_name(text)
    assert str(raised.value).startswith(text)


def test_a_path_is_a_folder_or_a_file_of_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file stands alone: what lies beside it is not the model's. A name is a path where such a folder is there."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "org" / "name"
    folder.mkdir(parents=True)
    for name in ("a.safetensors", "b.safetensors", "README.md"):
        (folder / name).write_bytes(b"x" * 8)
    whole, one = open_local("org/name"), open_local("org/name/a.safetensors")
    assert whole is not None
    assert one is not None
    assert [f.path for f in whole.facts().files] == ["README.md", "a.safetensors", "b.safetensors"]
    assert ([f.path for f in one.facts().files], one.file("README.md", 99)) == (["a.safetensors"], None)
    assert (whole.facts().ref.repo_id, one.facts().ref.repo_id) == ("org/name", "name/a.safetensors")
    assert open_local("org/other") is None
    for text, said in (
        ("./org/nam", "there is no file or folder ./org/nam"),
        ("c.safetensors", "there is no file or folder c.safetensors"),
        ("org/name/README.md", "is a file, but not .safetensors"),
    ):
        with pytest.raises(SourceError, match=said):
            open_local(text)
