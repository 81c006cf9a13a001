"""The folder of the site: the same bytes, nothing left behind, nothing of others touched."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.site import api
from bot.site.writer import MANIFEST, NotWritten, archive_in, write
from tests.bot.site.cases import declared, published_case, withdrawn

FIRST = [("cases/a.html", b"a"), ("index.html", b"one")]


def held(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_second_run_changes_nothing_and_removes_what_is_gone(tmp_path: Path) -> None:
    """Files can be read by a host's own user."""
    folder = tmp_path / "site"
    assert write(folder, FIRST).changed == 2
    first = held(folder)
    assert write(folder, FIRST).changed == 0
    assert held(folder) == first
    assert stat.S_IMODE((folder / "cases" / "a.html").stat().st_mode) == 0o644
    assert write(folder, FIRST[1:]).removed == 1
    assert set(held(folder)) == {MANIFEST, "index.html"}


def test_a_killed_run_is_completed_by_the_next(tmp_path: Path) -> None:
    """What it had written and is public no longer is removed."""

    def killed() -> Iterator[tuple[str, bytes]]:
        yield from [("cases/b.html", b"b"), ("cases/c.html", b"c")]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, killed())
    assert "cases/c.html" in held(tmp_path)
    write(tmp_path, FIRST)
    assert set(held(tmp_path)) == {MANIFEST, "cases/a.html", "index.html"}


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    """They stay as they are."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(NotWritten, match=r"other files, such as thesis\.txt"):
        write(tmp_path, FIRST)
    assert held(tmp_path) == {"thesis.txt": b"mine"}


def test_a_manifest_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    """Only files inside are ever removed."""
    folder = tmp_path / "site"
    write(folder, FIRST)
    (tmp_path / "mine").write_text("mine")
    with (folder / MANIFEST).open("a") as manifest:
        manifest.write("../mine\n/etc/hostname\n")
    write(folder, FIRST)
    assert (tmp_path / "mine").exists()


def test_an_archive_is_linked_only_where_it_exists(tmp_path: Path) -> None:
    """One that is not finished does not count."""
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "0123.tar.part").write_bytes(b"")
    assert archive_in(tmp_path, "0123") == ""
    (tmp_path / "archives" / "0123.tar").write_bytes(b"")
    assert archive_in(tmp_path, "0123") == "../archives/0123.tar"


def test_feeds_and_api_are_written_beside_the_pages(tmp_path: Path) -> None:
    """Into folders of folders, which a host's own user may read; a second run changes nothing."""
    folder = tmp_path / "site"
    pages = [*FIRST, *api.files([published_case(1), withdrawn(2), declared(4)])]
    assert write(folder, pages).files == len(dict(pages))
    assert set(held(folder)) == {MANIFEST, *dict(pages)}
    assert (folder / "badges" / "quick-fox" / "m4.svg").read_bytes().startswith(b"<svg")
    assert stat.S_IMODE((folder / "api" / "v1").stat().st_mode) == 0o755
    assert write(folder, pages).changed == 0
