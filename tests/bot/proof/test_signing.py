"""A checkpoint is signed with the operator's key, and any other byte of it is found."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from bot.proof.signing import FILE, ProofError, PublicKey, load
from state.errors import StateError

ROOT = bytes(range(32))


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 600, whole, the same at the next start."""
    file = tmp_path / "new" / FILE
    first = load(file, make=True).public
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load(file, make=True).public == first
    assert [p.name for p in file.parent.iterdir()] == [FILE]
    assert PublicKey.parse(str(first)) == first


def test_a_key_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    """A missing one, one of another kind, and a file that is none."""
    with pytest.raises(StateError, match="cannot be used: No such file"):
        load(tmp_path / FILE, make=False)
    (tmp_path / "text").write_text("no key")
    with pytest.raises(StateError, match="no private key in PEM"):
        load(tmp_path / "text", make=True)
    other = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "other").write_bytes(other)
    with pytest.raises(StateError, match="not an Ed25519 key"):
        load(tmp_path / "other", make=True)


def test_a_checkpoint_has_the_published_form(tmp_path: Path) -> None:
    """Three lines, an empty one, a signature line that begins with the key's number."""
    signer = load(tmp_path / FILE, make=True)
    note = signer.checkpoint(7, ROOT)
    assert signer.public.opened(note) == (7, ROOT)
    origin, size, root, empty, signature, end = note.split("\n")
    assert (origin, size, empty, end) == (signer.public.origin, "7", "", "")
    assert base64.b64decode(root) == ROOT
    dash, name, code = signature.split(" ")
    assert (dash, name) == ("—", origin)
    assert base64.b64decode(code)[:4] == signer.public.number
    assert len(base64.b64decode(code)) == 4 + 64


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    """One bit of each byte of the note."""
    signer = load(tmp_path / FILE, make=True)
    note = signer.checkpoint(7, ROOT).encode()
    for i in range(len(note)):
        forged = (note[:i] + bytes([note[i] ^ 1]) + note[i + 1 :]).decode(errors="replace")
        with pytest.raises(ProofError):
            signer.public.opened(forged)


def test_another_log_s_checkpoint_is_refused(tmp_path: Path) -> None:
    """The same size and root, signed with another key."""
    mine, other = (load(tmp_path / name, make=True) for name in ("a", "b"))
    with pytest.raises(ProofError, match="wrong"):
        mine.public.opened(other.checkpoint(7, ROOT))
    with pytest.raises(ProofError, match="public key"):
        PublicKey.parse(str(mine.public).replace(mine.public.origin, other.public.origin))
