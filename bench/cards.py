"""How well cards are read: declared, named and missed parents, and claims, on written cards and on real ones.

    python -m bench.cards [--wrong]              the corpus of tests/data/cards, written for this project
    python -m bench.cards --real FOLDER [--wrong]  real cards: bench/real_cards.json has their labels, by another hand

The texts of real cards are not kept here. FOLDER has them as files, at any depth, known by their SHA-256. `--wrong`
names each card that is read otherwise than a person reads it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzers.card.reader import Card, read_card
from analyzers.model_ids import is_a_name, parts_of, same_model, without_form
from state.registry.models import load

FOLDER = Path(__file__).parent.parent / "tests" / "data" / "cards"
LABELS = Path(__file__).parent / "real_cards.json"
REGISTRY = Path(__file__).parent.parent / "state" / "registry"
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


@dataclass(frozen=True, slots=True)
class Written:
    """One card, with what a person takes from it. `claims`: None where they were not written down."""

    name: str
    part: str
    text: str
    own: str
    tags: tuple[str, ...]
    parents: frozenset[str]
    claims: frozenset[str] | None


def names() -> dict[str, str]:
    """Return the names of the corpus's models, as the registry gives them."""
    return {m.rpartition("/")[2]: m for m in MODELS}


def cards() -> Iterator[Written]:
    """Yield the corpus. A to D stand for four models that change from card to card."""
    for path in sorted(FOLDER.glob("*.md")):
        for number, entry in enumerate(path.read_text(encoding="utf-8").split("=== ")[1:]):
            head, _, text = entry.partition("\n")
            title, parents, claims, tags = (*map(str.strip, head.split("|")), "")[:4]
            chosen = {letter: MODELS[(number * 3 + i * 5) % len(MODELS)] for i, letter in enumerate("ABCD")}
            yield Written(
                f"{path.stem}: {title}",
                "honest" if path.stem.endswith("honest") else "other",
                _filled(text, chosen),
                "",
                tuple(_filled(t.strip(), chosen) for t in tags.split(",") if t.strip()),
                frozenset(chosen[letter] for letter in parents),
                None if path.stem.startswith("tuned") else frozenset(claims.split()),
            )


def _filled(text: str, chosen: Mapping[str, str]) -> str:
    for letter, repo_id in chosen.items():
        last = repo_id.rpartition("/")[2]
        text = text.replace(f"{{{letter}}}", repo_id).replace(f"{{{letter.lower()}}}", last)
        text = text.replace(f"{{{letter}_}}", repo_id.replace("/", "_", 1))
    return text


def labels() -> list[dict[str, Any]]:
    """Return the labels of real cards: address, SHA-256 of the text, parents, and claims."""
    found: list[dict[str, Any]] = json.loads(LABELS.read_text(encoding="utf-8"))
    return found


def real(folder: Path) -> Iterator[Written]:
    """Yield the labelled real cards whose texts are in a folder."""
    texts = {hashlib.sha256(data).hexdigest(): data for path in folder.rglob("*.md") for data in [path.read_bytes()]}
    for entry in labels():
        if (data := texts.get(entry["sha256"])) is not None:
            claims = frozenset(SHORT.get(c, c) for c in entry["claims"])
            text = data.decode("utf-8", "replace")
            parents = frozenset(entry["parents"])
            yield Written(entry["url"], entry["part"], text, entry["repo"], (), parents, claims)


def is_parent(label: str, repo_id: str) -> bool:
    """Tell whether a reader found what a label names, which may be a name without its owner."""
    if "/" in label:
        return same_model(label, repo_id) or ("/" not in repo_id and same_model(label, f"x/{repo_id}"))
    wanted, found = parts_of(without_form(label)), parts_of(without_form(repo_id.replace("/", "-")))
    return set(wanted) <= set(found)


def found_claims(card: Card) -> frozenset[str]:
    """Return the claims read from a card in the labels' words; without parents, licences and unnamed training."""
    found: set[str] = set()
    for claim in card.claims:
        if claim.kind == "post-training":
            found |= {SHORT.get(claim.subject, claim.subject)} - {""}
        elif claim.kind == "merge":
            found |= {"merge", *SHORT.get(claim.subject, claim.subject).split("_")} - {""}
        elif claim.kind not in ("parent", "licence", "method"):
            found.add(SHORT.get(claim.kind, claim.kind))
    return frozenset(found)


def count(one: Written, card: Card, *, methods: bool = True) -> tuple[Counter[str], list[str]]:
    """Return what is right and wrong of one reading, and a line for each thing that is not as a person reads it."""
    declared = [m.repo_id for m in card.declared]
    told: Counter[str] = Counter(cards=1, parents=len(one.parents))
    lines: list[str] = []
    for label in sorted(one.parents):
        if any(is_parent(label, name) for name in declared):
            told["declared"] += 1
        elif any(is_parent(label, m.repo_id) for m in card.named) or _spelled(card, label):
            told["named"] += 1
            lines.append(f"only named: {label}")
        else:
            told["missed"] += 1
            lines.append(f"missed: {label}")
    wrong = [name for name in declared if not any(is_parent(label, name) for label in one.parents)]
    told["wrong"] += len(set(map(str.lower, wrong)))
    lines += [f"wrong: {name}" for name in dict.fromkeys(wrong)]
    if one.claims is not None:
        found = found_claims(card)
        if not methods:  # real cards were labelled without the method of a merge
            found &= {"merge", "scratch", "cpt", "sft", "dpo", "orpo", "kto", "ppo", "grpo", "rlhf", "distill"}
        expected = one.claims - {"data", "compute"} if not methods else one.claims
        told += Counter(claims=len(expected), claims_right=len(found & expected), claims_wrong=len(found - expected))
        lines += [f"claim missed: {c}" for c in sorted(expected - found)]
        lines += [f"claim wrong: {c}" for c in sorted(found - expected)]
    return told, lines


def _spelled(card: Card, label: str) -> bool:
    name = label if "/" in label else f"x/{label.replace(' ', '-')}"
    found = card.spells(name, (label,) if is_a_name(label) else ())
    return found is not None and found.relation == "named"


def shown(label: str, told: Mapping[str, int], seconds: Sequence[float]) -> str:
    """Return one row of the table."""
    columns = ("cards", "parents", "declared", "named", "missed", "wrong", "claims", "claims_right", "claims_wrong")
    times = f"{statistics.median(seconds) * 1000:6.1f} {max(seconds) * 1000:6.1f}"
    return f"{label:<14}" + "".join(f"{told.get(c, 0):>13}" for c in columns) + f"  {times}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, metavar="FOLDER")
    parser.add_argument("--wrong", action="store_true")
    args = parser.parse_args()
    known = load([REGISTRY]).names() if args.real else names()
    totals: dict[str, Counter[str]] = {}
    seconds: dict[str, list[float]] = {}
    for one in real(args.real) if args.real else cards():
        started = time.perf_counter()
        card = read_card(one.text, one.tags, known, one.own)
        seconds.setdefault(one.part, []).append(time.perf_counter() - started)
        told, lines = count(one, card, methods=not args.real)
        totals.setdefault(one.part, Counter()).update(told)
        if args.wrong and lines:
            print(one.name, *lines, sep="\n   ")
    if not totals:
        sys.exit(f"no labelled card is in {args.real}")
    heads = ("cards", "parents", "declared", "named", "missed", "wrong", "claims", "right", "wrong")
    print(f"{'':<14}" + "".join(f"{h:>13}" for h in heads) + "  median, most ms")
    for part in sorted(totals):
        print(shown(part, totals[part], seconds[part]))


if __name__ == "__main__":
    main()
