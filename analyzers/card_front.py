"""A card's front matter: base models, their relation, tags and licence, also where its YAML is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import yaml

from analyzers.card_names import HUB, REPO_ID

# YAML's own constructors trip over explicit tags, such as `!!timestamp x`, `!!bool x` and `!!int ''`
BAD_YAML = (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
MAX_FRONT_MATTER_CHARS = 64_000
KEYS = ("base_model", "base_models", "base-model", "basemodel", "finetuned_from", "parent_model", "merged_models")

_WHOLE_ID = re.compile(rf"(?:{HUB})?({REPO_ID}|[A-Za-z0-9][A-Za-z0-9._-]{{1,95}})/?")
_ID = re.compile(rf"(?<![A-Za-z0-9_./@-])(?:{HUB})?({REPO_ID})(?![A-Za-z0-9_])")
_KEY = re.compile(r"^[A-Za-z_][\w-]*:", re.MULTILINE)
_SCALAR = re.compile(
    r"^(license|license_name|base_model_relation)[ \t]*:[ \t]*[\"']?([A-Za-z0-9][\w.+ -]{0,60})", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Front:
    """What the front matter says. `licence` is the Hub's short name, or `license_name` where that is "other"."""

    base_models: tuple[str, ...] = ()
    relation: str | None = None
    tags: tuple[str, ...] = ()
    licence: str = ""
    problem: str = ""


@lru_cache(maxsize=1)  # two ask for each card
def read_front(front: str) -> Front:
    """Read front matter; of broken YAML what can still be read."""
    try:
        data = yaml.safe_load(front[:MAX_FRONT_MATTER_CHARS]) if front.strip() else {}
    except BAD_YAML as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        problem = f"the card's front matter is not valid YAML{line}"
        text = {m[1]: m[2].strip() for m in _SCALAR.finditer(front[:MAX_FRONT_MATTER_CHARS])}
        return Front(
            tuple(_ids_after_base_model(front)),
            text.get("base_model_relation"),
            licence=_licence(text),
            problem=problem,
        )
    if data is None:
        return Front()
    if not isinstance(data, dict):
        return Front(problem="the card's front matter is not a mapping")
    named = next((data[key] for key in KEYS if data.get(key)), None)
    values = named if isinstance(named, list) else [named]
    ids = [i for value in values[:1000] if isinstance(value, str) for i in _ids_in(value[:1000])]
    relation = data.get("base_model_relation")
    tags = data.get("tags")
    return Front(
        tuple(dict.fromkeys(ids)),
        relation if isinstance(relation, str) else None,
        tuple(t[:100] for t in tags[:1000] if isinstance(t, str)) if isinstance(tags, list) else (),
        _licence({k: data[k] for k in ("license", "license_name") if isinstance(data.get(k), str)}),
    )


def _ids_in(value: str) -> list[str]:
    """Return the repo ids in one value: an id, a bare name, an address, or several in one text."""
    if found := _WHOLE_ID.fullmatch(value.strip()):
        return [found[1]]
    return [] if value.lstrip().startswith(("/", "./", "../", "~")) else [m[1].rstrip(".") for m in _ID.finditer(value)]


def _licence(fields: Mapping[str, str]) -> str:
    name = fields.get("license", "").strip().lower()[:80]
    return fields.get("license_name", "").strip().lower()[:80] or name if name in ("other", "") else name


def _ids_after_base_model(front: str) -> Iterator[str]:
    """Yield repo ids between `base_model:` and the next key."""
    at = front.find("base_model:")
    if at < 0:
        return
    rest = front[at + len("base_model:") :]
    end = _KEY.search(rest)
    yield from (m[1] for m in _ID.finditer(rest[: end.start()] if end else rest))
