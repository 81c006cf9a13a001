"""Types of a card's claims and of what the measurement says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ClaimKind = Literal[
    "parent", "from scratch", "post-training", "distillation", "merge", "own data", "own compute", "method", "licence"
]
Status = Literal["supported", "contradicted", "not testable"]

MAX_QUOTE_CHARS = 300


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing a card claims.

    `quote` is the author's own text, at most MAX_QUOTE_CHARS, not made harmless; `where` is "front matter", "tag" or
    "prose". `subject` is the repo id, method or licence it is about, "" if none; `after_merge` where the claim says
    that it was done to a finished merge.
    """

    kind: ClaimKind
    quote: str
    where: str
    subject: str = ""
    after_merge: bool = False


@dataclass(frozen=True, slots=True)
class Assessed:
    """A claim with what was measured about it, in one sentence."""

    claim: Claim
    status: Status
    measurement: str
