"""Timestamps of a time server on loopback: asked for once a checkpoint, verified, and not missed for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.proof.notary import Notary
from bot.proof.signing import FILE, ProofError, load
from bot.proof.timestamps import check, fetch
from state.records import KeptFile
from state.store import Store
from tests.bot.proof.time_server import TimeServer, time_server
from tests.state.events import NOW, one_upload


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TimeServer]:
    """Serve timestamps."""
    with time_server(tmp_path / "tsa") as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open a store with one entry in its log."""
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as opened:
        opened.cases.keep(one_upload(opened).id, [KeptFile("card", "a" * 64, 7, False, NOW)])
        yield opened


def test_a_token_says_when_and_for_what(server: TimeServer) -> None:
    """It holds for these bytes alone, under this authority alone."""
    token = asyncio.run(fetch(server.url, b"checkpoint"))
    found = check(token, b"checkpoint", [server.root])
    assert abs(found.at - datetime.now(UTC)) < timedelta(minutes=2)
    assert (found.by, found.trusted) == ("CN=Test time server", True)
    assert not check(token, b"checkpoint").trusted
    with pytest.raises(ProofError, match="Mismatch"):
        check(token, b"checkpoinT", [server.root])
    with pytest.raises(ProofError, match="not valid"):
        check(token[:-1] + bytes([token[-1] ^ 1]), b"checkpoint", [server.root])
    with pytest.raises(ProofError, match="not about"):
        check(token, b"checkpoinT")
    with pytest.raises(ProofError, match="not about"):
        check(token, b"checkpoint", nonce=1)
    with pytest.raises(ProofError, match="not valid"):
        check(b"no token", b"checkpoint")


def test_each_checkpoint_is_stamped_once(server: TimeServer, store: Store, tmp_path: Path) -> None:
    """A server that is away costs a warning, and the checkpoint is stamped later."""
    notary = Notary(store.proofs, load(tmp_path / FILE, make=True), lambda: NOW, server.url)
    server.status = 503
    unstamped = asyncio.run(notary.sign())
    assert unstamped is not None
    assert unstamped.token is None
    server.status = 200
    for _ in range(2):
        stamped = asyncio.run(notary.sign())
        assert stamped is not None
        assert stamped.note == unstamped.note
        check(stamped.token or b"", stamped.note.encode(), [server.root])
    assert len(server.asked) == 2


def test_nothing_is_signed_where_nothing_was_entered(tmp_path: Path) -> None:
    """An empty log has no checkpoint, and no time server is asked where none is set."""
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as opened:
        notary = Notary(opened.proofs, load(tmp_path / FILE, make=True), lambda: NOW, "")
        assert asyncio.run(notary.sign()) is None
        opened.cases.keep(one_upload(opened).id, [KeptFile("card", "a" * 64, 7, False, NOW)])
        first = asyncio.run(notary.sign())
        assert first == asyncio.run(notary.sign())
        assert first is not None
        assert notary.signer.public.opened(first.note) == opened.proofs.tree_head()
