"""The operator's Ed25519 key, and checkpoints signed with it.

A checkpoint is text by C2SP: https://c2sp.org/tlog-checkpoint, in a signed note: https://c2sp.org/signed-note. Its
origin, which is also the key's name, is made of the public key, so that no two logs share one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from analyzers.errors import BlendwatchError
from state.errors import StateError

ED25519: Final = b"\x01"  # the algorithm's number in signed notes
FILE: Final = "proof.key"  # in the data folder
ORIGIN: Final = "blendwatch.log/"


class ProofError(BlendwatchError):
    """Something is not what a proof says; the text is for readers."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A log's public key. `raw`: 32 bytes."""

    raw: bytes

    @property
    def origin(self) -> str:
        """The log's name."""
        return ORIGIN + hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def number(self) -> bytes:
        """The key's hash in signed notes, 4 bytes."""
        return hashlib.sha256(self.origin.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    def __str__(self) -> str:
        return f"{self.origin}+{self.number.hex()}+{base64.b64encode(ED25519 + self.raw).decode()}"

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read what str() wrote; ProofError for anything else."""
        try:
            origin, _, key = text.strip().split("+", 2)
            raw = base64.b64decode(key, validate=True)
        except (ValueError, binascii.Error):
            raise ProofError("the public key is not one of a log") from None
        found = cls(raw[1:])
        if len(raw) != 33 or str(found) != text.strip() or origin != found.origin:
            raise ProofError("the public key is not one of a log")
        return found

    def opened(self, note: str) -> tuple[int, bytes]:
        """Return size and root of a checkpoint; ProofError where it is not signed with this key."""
        text, _, signatures = note.partition("\n\n")
        line = f"— {self.origin} "
        mine = [s.removeprefix(line) for s in signatures.splitlines() if s.startswith(line)]
        try:
            (signature,) = mine
            raw = base64.b64decode(signature, validate=True)
            Ed25519PublicKey.from_public_bytes(self.raw).verify(raw[4:], f"{text}\n".encode())
            origin, size, root = text.split("\n")
            found = int(size), base64.b64decode(root, validate=True)
        except (ValueError, InvalidSignature):
            raise ProofError("the checkpoint's signature is wrong") from None
        code = base64.b64encode(raw).decode()  # one of several spellings of the same bytes
        if raw[:4] != self.number or origin != self.origin or note != f"{text}\n\n{line}{code}\n":
            raise ProofError("the checkpoint is not one of this log")
        return found


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs checkpoints."""

    _key: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """Return the public key."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    def checkpoint(self, size: int, root: bytes) -> str:
        """Return the signed note of a tree head."""
        public = self.public
        text = f"{public.origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = base64.b64encode(public.number + self._key.sign(text.encode())).decode()
        return f"{text}\n— {public.origin} {signature}\n"


def load(file: Path, *, make: bool) -> Signer:
    """Return the signer of a key file (PEM, PKCS #8); with `make`, a missing file is made, readable by its owner alone.

    Raises StateError where there is no key, or none that can be used.
    """
    try:
        if make and not file.exists():
            _make(file)
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise StateError(f"the key {file} of the log of proofs cannot be used: {error.strerror}") from error
    except (ValueError, TypeError):
        raise StateError(f"{file} holds no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise StateError(f"the key in {file} is not an Ed25519 key")
    return Signer(key)


def _make(file: Path) -> None:
    """Write a new key. A link from a finished file: a kill leaves the whole key or none, and an old one stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(pem)
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):  # another process was faster
            file.hardlink_to(part)
    finally:
        part.unlink(missing_ok=True)
