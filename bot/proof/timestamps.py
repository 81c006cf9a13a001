"""RFC 3161 timestamps: ask a time server, and check what it signed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import aiohttp
from cryptography import x509

from bot.proof.signing import ProofError

TIMEOUT: Final = aiohttp.ClientTimeout(total=20)
LARGEST: Final = 1 << 16  # bytes of an answer
TYPE: Final = "application/timestamp-query"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Time of a token (UTC), and who signed it. `trusted`: a root that the reader gave stands behind it."""

    at: datetime
    by: str
    trusted: bool


async def fetch(url: str, content: bytes) -> bytes:
    """Return a time server's answer about some bytes; ProofError where there is none."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415 - an extra

    request = TimestampRequestBuilder(data=content, hash_algorithm=HashAlgorithm.SHA256).build()
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.post(url, data=request.as_bytes(), headers={"Content-Type": TYPE}) as answer,
        ):
            body = await answer.content.read(LARGEST)
            if answer.status != 200:
                raise ProofError(f"the time server answered {answer.status}")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise ProofError(f"the time server could not be reached ({type(error).__name__})") from None
    check(body, content, nonce=request.nonce)
    return body


def check(token: bytes, content: bytes, roots: Sequence[x509.Certificate] = (), nonce: int | None = None) -> Timestamp:
    """Return the time that a token gives to some bytes; ProofError where it is not about them.

    Its signature is checked where the reader gives the `roots` that he trusts, and ProofError raised where it is wrong.
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response  # noqa: PLC0415 - an extra

    try:
        answer = decode_timestamp_response(token)
        if roots:
            VerifierBuilder(roots=[*roots], nonce=nonce).build().verify_message(answer, content)
        info, own = answer.tst_info, [x509.load_der_x509_certificate(c) for c in answer.signed_data.certificates]
    except (ValueError, VerificationError) as error:
        raise ProofError(f"the timestamp is not valid: {error}") from None
    if info.message_imprint.message != hashlib.sha256(content).digest() or nonce not in (None, info.nonce):
        raise ProofError("the timestamp is not about this checkpoint")
    signer = next((c for c in own if not _is_authority(c)), None)
    return Timestamp(info.gen_time, signer.subject.rfc4514_string() if signer else "?", trusted=bool(roots))


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
