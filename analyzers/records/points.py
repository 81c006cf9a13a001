"""One finding of a case, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Origin = Literal["weights", "words", "files"]
Carries = Literal["exact", "strong", "suggestive", "weak"]


@dataclass(frozen=True, slots=True)
class Point:
    """One finding of a case. Texts may quote strangers and are not made harmless.

    `kind`: of the verdict's finding, a claim, a trace, "identity" or "planted prompt". `brief`: the same in a few
    words. `contradicts`: what the author says that it excludes or does not go with, "" if nothing.
    """

    origin: Origin
    kind: str
    carries: Carries
    says: str
    brief: str = ""
    contradicts: str = ""
