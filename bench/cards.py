"""How well cards are read: precision and recall of declared parents and of claims, on the corpus of tests/data/cards.

    python -m bench.cards [--part development|held-out] [--wrong]

Held out is every third card of the first four files: how many of them are read wrongly was looked at, never which. The
files tuned-* and seen-* were first written to probe the reader and then used to change it. `--wrong` names each card of
the development part that is read otherwise than a person would read it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analyzers.claims import read_claims
from analyzers.disclosure import read_disclosure

FOLDER = Path(__file__).parent.parent / "tests" / "data" / "cards"
MODELS = [
    "tidepool-ai/Borealis-Coder-7B",
    "aurora-labs/Aurora-1.5-8B",
    "kelvin-lab/Halyard-12B-Instruct",
    "northwind/Mistralle-8x7B-v0.1",
    "juniper/Juniper2.5-14B-Instruct",
    "sable-org/Sable-3.1-70B",
    "quill-ai/Quill-R1-Distill-32B",
    "meridian/Meridian-397B-A17B",
    "osprey/Osprey-Nemo-12B-v2",
    "fjord-models/fjord-9b-it",
    "LanternAI/Lantern-4-Mini-Instruct",
    "tarn/Tarn-V3-0324",
    "Kestrel/kestrel_7b_chat",
    "umber-systems/Umber-2-27b-it",
    "Willow/WillowLM-1.7B-Base",
    "Zenith/Zenith-Air-106B",
]


@dataclass(frozen=True, slots=True)
class Card:
    """One card of the corpus, with what a person takes from it."""

    name: str
    text: str
    tags: tuple[str, ...]
    parents: frozenset[str]
    claims: frozenset[str] | None  # None: not written down
    honest: bool
    held_out: bool


def names() -> dict[str, str]:
    """Other names of the corpus's models, as the registry gives them: the last part, and with spaces."""
    last = {m: m.rpartition("/")[2] for m in MODELS}
    return {name: m for m, part in last.items() for name in (part, part.replace("-", " "))}


def cards() -> Iterator[Card]:
    """Yield the corpus. A to D stand for four models that change from card to card."""
    for path in sorted(FOLDER.glob("*.md")):
        for number, entry in enumerate(path.read_text(encoding="utf-8").split("=== ")[1:]):
            head, _, text = entry.partition("\n")
            title, parents, claims, tags = (*map(str.strip, head.split("|")), "")[:4]
            chosen = {letter: MODELS[(number * 3 + i * 5) % len(MODELS)] for i, letter in enumerate("ABCD")}
            yield Card(
                f"{path.stem}: {title}",
                _filled(text, chosen),
                tuple(_filled(t.strip(), chosen) for t in tags.split(",") if t.strip()),
                frozenset(chosen[letter] for letter in parents),
                None if path.stem.startswith("tuned") else frozenset(claims.split()),
                path.stem.endswith("honest"),
                number % 3 == 2 and not path.stem.startswith(("tuned", "seen")),
            )


def _filled(text: str, chosen: dict[str, str]) -> str:
    for letter, repo_id in chosen.items():
        last = repo_id.rpartition("/")[2]
        text = text.replace(f"{{{letter}}}", repo_id).replace(f"{{{letter.lower()}}}", last)
        text = text.replace(f"{{{letter}_}}", repo_id.replace("/", "_", 1))
    return text


@dataclass(slots=True)
class Count:
    """Found rightly, found wrongly, missed; of cards, how many are read exactly."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    cards: int = 0
    exact: int = 0

    def add(self, found: frozenset[str], expected: frozenset[str]) -> None:
        """Count one card."""
        self.right += len(found & expected)
        self.wrong += len(found - expected)
        self.missed += len(expected - found)
        self.cards += 1
        self.exact += found == expected

    def line(self, label: str) -> str:
        """One row of the table."""
        precision = self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0
        recall = self.right / (self.right + self.missed) if self.right + self.missed else 1.0
        told = f"{self.right:5d} {self.wrong:5d} {self.missed:6d}   {precision:.3f}     {recall:.3f}"
        return f"{label:<34} {self.cards:5d} {told}  {self.exact:4d}"


def found_parents(card: Card) -> frozenset[str]:
    """Return the parents that are read from a card."""
    return frozenset(read_disclosure("r", card.text, card.tags, names()).parents)


SHORT = {
    "on-policy distillation": "opd",
    "continued pre-training": "cpt",
    "from scratch": "scratch",
    "own data": "data",
    "own compute": "compute",
    "distillation": "distill",
    "model_stock": "stock",
    "task_arithmetic": "arithmetic",
    "della_linear": "della",
}


def found_claims(card: Card) -> frozenset[str]:
    """Return the claims read from a card, in the corpus's words; without parents, licences and unnamed training."""
    found: set[str] = set()
    for claim in read_claims(card.text, card.tags, names()):
        if claim.kind == "post-training":
            found |= {SHORT.get(claim.subject, claim.subject)} - {""}
        elif claim.kind == "merge":
            method = SHORT.get(claim.subject, claim.subject)
            found |= {"merge", *method.split("_")} - {""}
        elif claim.kind not in ("parent", "licence"):
            found.add(SHORT.get(claim.kind, claim.kind))
    return frozenset(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("development", "held-out"))
    parser.add_argument("--wrong", action="store_true")
    args = parser.parse_args()
    counts: dict[str, Count] = {}
    started, read = time.perf_counter(), 0
    for card in cards():
        part = "held-out" if card.held_out else "development"
        if args.part not in (None, part):
            continue
        found = found_parents(card)
        read += 1
        counts.setdefault(f"{part}, {'honest' if card.honest else 'other'}, parents", Count()).add(found, card.parents)
        claims = found_claims(card)
        if card.claims is not None:
            counts.setdefault(f"{part}, claims", Count()).add(claims, card.claims)
        for got, told in ((found, card.parents), (claims, card.claims)):
            if args.wrong and not card.held_out and told is not None and got != told:
                print(f"{card.name}\n   missed {sorted(told - got)}\n   wrong {sorted(got - told)}")
    print(f"{'':<34} cards right wrong missed precision recall exact")
    for label, count in sorted(counts.items()):
        print(count.line(label))
    print(f"{read} cards in {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
