"""blendwatch proof: the log's key, its newest checkpoint, its consistency with an earlier one, and an audit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bot import build
from bot.cli.common import NOTHING, AsJson, Data, answer, one_line_errors, settings_from
from bot.config.settings import Settings, SettingsError
from bot.proof import build as proof_build
from bot.proof.signing import ProofError
from state.errors import StateError
from state.store import Store

app = typer.Typer(help="The log of what was kept and said.", no_args_is_help=True)


@app.command()
def key(as_json: AsJson = False, data: Data = None) -> None:
    """Print the public key that readers verify with."""
    with _opened(data) as (settings, _):
        public = str(proof_build.signer(settings).public)
    answer({"key": public}, public, as_json=as_json)


@app.command()
def checkpoint(as_json: AsJson = False, data: Data = None) -> None:
    """Sign the log as it is, and print its newest checkpoint. Status 1 where the log is empty."""
    with _opened(data) as (settings, store):
        found = asyncio.run(proof_build.notary(settings, store, build.utc_now).sign())
    if found is None:
        answer({"checkpoint": None}, "the log is empty", as_json=as_json)
        raise typer.Exit(NOTHING)
    answer({"checkpoint": found.note, "size": found.size}, found.note.rstrip(), as_json=as_json)


@app.command()
def consistency(
    size: Annotated[int, typer.Argument(min=1, help="entries of an earlier checkpoint")],
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Print the proof that an earlier checkpoint is the beginning of the newest one: the newest, then the hashes."""
    with _opened(data) as (_, store):
        newest = next(iter(store.proofs.checkpoints()[-1:]), None)
        if newest is None or size > newest.size:
            raise StateError(f"no checkpoint has {size:,} entries or more")
        hashes = [h.hex() for h in store.proofs.consistency(size, newest.size)]
    answer({"checkpoint": newest.note, "consistency": hashes}, newest.note, *hashes, as_json=as_json)


@app.command()
def audit(
    kept: Annotated[list[Path] | None, typer.Argument(help="files of checkpoints that were kept elsewhere")] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Compute the whole log again. Status 1 where an entry was changed, dropped or moved."""
    with _opened(data) as (settings, store):
        public, wrong = proof_build.signer(settings).public, store.proofs.audit()
        size, notes = store.proofs.size(), [c.note for c in store.proofs.checkpoints()]
        for path in kept or ():
            try:
                notes.append(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise SettingsError(f"{path} cannot be read: {error}") from None
        for note in notes:
            try:
                wrong += store.proofs.differs(*public.opened(note))
            except ProofError as error:
                wrong.append(str(error))
    answer({"size": size, "wrong": wrong}, *wrong, f"{size:,} entries, {len(wrong)} wrong", as_json=as_json)
    raise typer.Exit(NOTHING if wrong else 0)


@contextmanager
def _opened(data: Path | None) -> Iterator[tuple[Settings, Store]]:
    with one_line_errors():
        settings = settings_from(None, data)
        if not settings.has_database:
            raise SettingsError(f"there is no database in {settings.data}; it is made by blendwatch watch")
        with build.store(settings) as store:
            yield settings, store
