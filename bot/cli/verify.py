"""blendwatch verify: verify an archive of a case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography import x509

from bot import build
from bot.cli.common import NOTHING, AsJson, answer, one_line_errors, settings_from
from bot.config.settings import SettingsError
from bot.proof.against import against_folder, against_hub
from bot.proof.signing import PublicKey
from bot.proof.verification import Step, Trusted
from bot.proof.verification import verify as verified
from bot.text.sanitize import visible

SHOWN: Final = {"ok": "ok   ", "open": "open ", "wrong": "WRONG"}


def verify(
    archive: Annotated[Path, typer.Argument(help="what blendwatch case export wrote")],
    hub: Annotated[bool, typer.Option("--against-hub", help="read the same bytes again from the Hub")] = False,
    folder: Annotated[
        Path | None, typer.Option("--against", help="read them from this folder, which holds org/name/file")
    ] = None,
    key: Annotated[str, typer.Option("--key", help="the operator's public key, as he publishes it")] = "",
    time_root: Annotated[
        list[Path] | None, typer.Option("--time-root", help="PEM certificate of a time server's root; repeatable")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="a checkpoint that you kept; repeatable")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify an archive of a case: bytes, signature, inclusion, time and verdict. Status 1 where anything is wrong."""
    with one_line_errors():
        trusted = Trusted(
            PublicKey.parse(key) if key else None,
            [certificate for path in time_root or () for certificate in _certificates(path)],
            [_read(path).decode("utf-8", "replace") for path in checkpoint or ()],
        )
        steps, files = verified(_read(archive), trusted)
        if folder is not None and not any(step.state == "wrong" for step in steps):
            steps += against_folder(files, folder)
        if hub and not any(step.state == "wrong" for step in steps):
            settings = settings_from(None, None)
            with build.hub(settings) as opened:
                steps += against_hub(files, opened.repo)
    wrong = sum(step.state == "wrong" for step in steps)
    facts = {"verified": not wrong, "steps": [{"state": step.state, "text": step.text} for step in steps]}
    said = f"{wrong} of {len(steps)} steps are wrong" if wrong else "nothing is wrong"
    answer(facts, *map(_line, steps), said, as_json=as_json)
    raise typer.Exit(NOTHING if wrong else 0)


def _line(step: Step) -> str:
    return f"{SHOWN[step.state]} {visible(step.text, 2000)}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError:
        raise SettingsError(f"{path} holds no certificate in PEM") from None
