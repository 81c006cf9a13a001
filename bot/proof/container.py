"""Archives of cases: a zip whose bytes follow from its files alone, and a manifest of them.

The log names report.json, notes/..., evidence.safetensors, samples.json, files.json and card.md. case.json has
coordinates and recipes. manifest.json has the SHA-256 of these, of verify.py and of README.txt, and the log names it.
proof.json and the timestamps prove themselves.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, Final

from bot.proof.signing import ProofError
from state.proof.canonical import canonical

FORMAT: Final = "blendwatch case archive 1"
MANIFEST, PROOF, STAMP, CASE, REPORT = "manifest.json", "proof.json", "timestamp-", "case.json", "report.json"
EVIDENCE, SAMPLES, FILES, CARD, NOTES = "evidence.safetensors", "samples.json", "files.json", "card.md", "notes/"
VERIFY, README = "verify.py", "README.txt"
WHEN: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
MOST_FILES, MOST_BYTES = 1000, 256 << 20


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return an archive: equal files give equal bytes."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, WHEN), files[name])
    return whole.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    """Return the files of an archive; ProofError where it is not one, or not byte by byte as `zipped` writes it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = archive.infolist()
            if len(about) > MOST_FILES or sum(i.file_size for i in about) > MOST_BYTES:
                raise ProofError("the archive is larger than any that is written")
            if any(i.compress_type != zipfile.ZIP_STORED for i in about):
                raise ProofError("the archive is compressed, as none is that is written")
            files = {i.filename: archive.read(i) for i in about}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        raise ProofError("the file is not an archive of a case, or it is damaged") from None
    if MANIFEST not in files or PROOF not in files or CASE not in files or REPORT not in files:
        raise ProofError("the file is not an archive of a case")
    if zipped(files) != content:
        raise ProofError("the archive was packed again by another program")
    return files


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """Return the manifest: the SHA-256 of each file."""
    return canonical({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})


def covered(name: str) -> bool:
    """Return True for a file that the manifest names; the others prove themselves."""
    return name not in (MANIFEST, PROOF) and not name.startswith(STAMP)


def json_of(files: Mapping[str, bytes], name: str) -> Any:
    """Return a JSON file of an archive; ProofError where it is not canonical."""
    try:
        value = json.loads(files[name])
        if canonical(value) == files[name]:
            return value
    except (KeyError, ValueError, RecursionError):
        pass
    raise ProofError(f"{name} is not canonical JSON")
