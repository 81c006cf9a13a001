"""Findings: what an upload is made of, what its card declares, and the verdict on both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from analyzers.model_ids import same_model
from analyzers.records.repository import RepoRef

FindingKind = Literal["blend", "copy", "derivative", "unrelated", "inconclusive"]
Family = Literal["linear", "layerwise", "sparse", "stack"]
DisclosureLevel = Literal["disclosed", "partial", "undisclosed", "none-needed"]
Strength = Literal["exact", "strong", "indicative"]
Said = Literal["declared", "named", "absent"]
Audience = Literal["public", "reviewers", "none"]
NAMED = "named"  # the relation of a mention that names a model and declares, denies or hides nothing


@dataclass(frozen=True, slots=True)
class Parent:
    """One model whose weights went in."""

    ref: RepoRef
    coefficient: float | None  # dimensionless; None where one number would not be true
    interval: tuple[float, float] | None
    said: Said = "absent"  # on the card, or wherever else the author's words count
    quote: str = ""  # of the author's text that says so or denies it, not made harmless; "" if there is none
    where: str = ""  # the quote stands: "front matter", "tag", "recipe", "prose", "repository name", ...
    automatic: bool = False  # known only because it was read as an upload itself

    @property
    def declared(self) -> bool:
        """Tell whether the author declares it as a parent."""
        return self.said == "declared"


@dataclass(frozen=True, slots=True)
class Mix:
    """An upload explained as a linear mix of known models, as far as rounding lets anyone know.

    Shares are fractions of the weights named after "of"; none is a probability.
    """

    parents: tuple[Parent, ...]
    arithmetic: str  # the named arithmetic that reproduces most
    weights: int  # compared
    informative: int  # weights where the parents differ
    decisive: int  # weights where the stored prediction differs from every single parent
    reproduced: float  # share of the decisive that equal the prediction bit for bit
    equal: float  # share of all compared weights that equal the prediction bit for bit
    control: float  # the same share for the nearest single parent
    worst_tensor: float  # the lowest share of any tensor's informative weights reproduced
    tensors: int  # tensors with decisive weights
    far: int = 0  # weights where the mix lies at least 3 ulp from every single parent
    near: float = 0.0  # share of the far weights within an ulp of the mix
    explained: float = 0.0  # share of the departure from the nearest parent that the mix explains, rounding removed


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where the author named a model. `where` is "front matter", "tag", "recipe" or "prose".

    It is "renamed" where a named model has another name now, "form" where a declared quantization or mirror leads to
    it, and "registry" where a registry file declares a parent.
    """

    repo_id: str
    where: str
    relation: str  # "base_model", "merge", "finetune", ...
    quote: str = ""  # the author's own text, not made harmless


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Declarations of the author, with their place and the revision of the card."""

    revision: str
    mentions: tuple[Mention, ...] = ()  # of parents
    named: tuple[Mention, ...] = ()  # of compared models that the text spells, or denies, without declaring them
    relation: str | None = None  # base_model_relation, as declared
    from_scratch: bool = False  # the card claims training from nothing
    problems: tuple[str, ...] = ()  # what could not be read of the card

    @property
    def parents(self) -> tuple[str, ...]:
        """Declared parents' repo ids, each once, in the order they were found."""
        return tuple(dict.fromkeys(m.repo_id for m in self.mentions))

    def of(self, repo_id: str) -> Mention | None:
        """Return where a model is declared, by its id or as a form of it; None: nowhere."""
        return next((m for m in self.mentions if same_model(m.repo_id, repo_id)), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """The claim of one analyzer: a sentence, and its numbers with units in their names."""

    analyzer: str
    kind: FindingKind
    claim: str
    parents: tuple[Parent, ...] = ()
    family: Family | None = None
    exact: bool | None = None
    further_training: bool | None = None
    measured: Mapping[str, float | int | str] = field(default_factory=dict)
    unexplained: float = 0.0  # share of the telling weights that it leaves unexplained
    gone: tuple[str, ...] = ()  # models that were gone before the second look that it needs


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding held against the card and the rules."""

    finding: Finding
    disclosure: DisclosureLevel
    audience: Audience  # who may see it unattended
    strength: Strength | None
    why: str  # one sentence
    order_known: bool = True  # whether each undeclared parent is known to have been public first

    @property
    def alert(self) -> bool:
        """Tell whether it may be published unattended."""
        return self.audience == "public"
