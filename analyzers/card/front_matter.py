"""A card's front matter: base models, their relation, data sets, tags and licence, also where its YAML is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from analyzers.card.repo_ids import HUB, PART, REPO_ID, ids_in

# YAML's own constructors trip over explicit tags, such as `!!timestamp x`, `!!bool x` and `!!int ''`
BAD_YAML = (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
MAX_FRONT_MATTER_CHARS = 16_000  # YAML is read at some 40 kB a second
MAX_VALUES = 1_000
MAX_BRACKETS = 200  # with more it is read line by line
KEYS = (
    "base_model", "base_models", "base-model", "basemodel", "finetuned_from", "parent_model", "parent_models",
    "merged_models", "duplicated_from", "base_model_name_or_path", "model_name_or_path",
)  # fmt: skip
_PATH_KEYS = ("name", "id", "repo", "repo_id", "model", "path", "model_id")

_WHOLE = re.compile(rf"(?:{HUB})?({REPO_ID}|[A-Za-z0-9][A-Za-z0-9._-]{{1,95}})/?(?:@[\w./-]{{1,80}})?", re.ASCII)
_CACHED = re.compile(rf"models--({PART}?)--({PART}?)(?=[/\\]|$)")
_FOLDERS = re.compile(rf"[\s\S]*[\\/]({PART})[\\/]({PART})[\\/]?")
_NO_OWNER = re.compile(
    r"(?i)models?|hub|snapshots?|cache|checkpoints?|ckpts?|outputs?|out|results?|runs?|data|home|root|users?|workspace|"
    r"content|mnt|tmp|temp|work|tuned|finetuned|fine-tuned|merged|merges?|trained|training|saves?|saved|local|llms?|"
    r"weights|drive|kaggle|input|project|projects|src|dev|opt|var|srv|me|ubuntu|desktop|downloads|documents|base|lora|"
    r"loras|adapters?|experiments?|exp|logs?|artifacts?|pretrained|hf|huggingface|text-generation-webui|.*\.cache"
)
_NO_NAME = re.compile(r"(?i)(?:checkpoint|epoch|step|run|final|merged|output)[-_]?[0-9]*|model|latest|best|hf|last")
_NEXT_KEY = re.compile(r"(?:^|[\s|])[A-Za-z_][\w-]*:(?=\s|$)", re.MULTILINE)
_SCALAR = re.compile(
    r"(?:^|\s)(license|license_name|base_model_relation)[ \t]*:[ \t]*[\"']?([A-Za-z0-9][\w.+-]{0,60})", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Front:
    """The front matter. `licence` is the Hub's short name, or `license_name` where that is "other"."""

    base_models: tuple[str, ...] = ()
    relation: str | None = None
    tags: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    licence: str = ""
    problem: str = ""


def read_front_matter(front: str) -> Front:
    """Return what front matter says; of broken YAML what can still be read."""
    if len(front) > MAX_FRONT_MATTER_CHARS or front.count("[") + front.count("{") > MAX_BRACKETS:
        return _by_lines(front, "")
    try:
        data = yaml.safe_load(front) if front.strip() else {}
    except BAD_YAML as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        return _by_lines(front, f"the card's front matter is not valid YAML{line}")
    if data is None:
        return Front()
    if not isinstance(data, dict):
        return _by_lines(front, "the card's front matter is not a mapping")
    ids = [i for key in KEYS for value in _texts(data.get(key)) for i in models_in(value, bare=True)]
    relation, tags = data.get("base_model_relation"), data.get("tags")
    kept = tuple(t[:100] for t in tags[:MAX_VALUES] if isinstance(t, str)) if isinstance(tags, list) else ()
    if "merge" in kept:  # a merging tool writes its models among the tags
        ids += [tag for tag in kept if re.fullmatch(REPO_ID, tag)]
    return Front(
        tuple(dict.fromkeys(ids)),
        relation if isinstance(relation, str) else None,
        kept,
        tuple(i.lower() for value in _texts(data.get("datasets")) for i in models_in(value)),
        _licence({k: data[k] for k in ("license", "license_name") if isinstance(data.get(k), str)}),
    )


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    """Yield the texts in one value: itself, a list's, or those that a mapping names a model by."""
    if isinstance(value, str):
        yield value[:MAX_VALUES]
    elif isinstance(value, list) and not depth:
        for one in value[:MAX_VALUES]:
            yield from _texts(one, 1)
    elif isinstance(value, dict):
        yield from (value[key][:MAX_VALUES] for key in _PATH_KEYS if isinstance(value.get(key), str))


def models_in(value: str, *, bare: bool = False) -> list[str]:
    """Return the repo ids in one value: ids, addresses, `id@revision`, or a folder that ends in owner and name.

    `bare`: a name without owner counts, too. A folder of the author's own machine names no model.
    """
    value = value.strip().strip("\"'")
    if found := _CACHED.search(value):
        return [f"{found[1]}/{found[2]}"]
    if (found := _WHOLE.fullmatch(value)) and not value.startswith(("/", ".", "~")):
        owner, slash, name = found[1].rpartition("/")
        local = slash and value == found[1] and (_NO_OWNER.fullmatch(owner) or _NO_NAME.fullmatch(name))
        return [found[1]] if not local and (slash or bare) else []
    if re.match(r"[/~.]|[A-Za-z]:[\\/]", value):
        found = _FOLDERS.fullmatch(value[:400])
        kept = found and not _NO_OWNER.fullmatch(found[1]) and not _NO_NAME.fullmatch(found[2])
        return [f"{found[1]}/{found[2]}"] if found and kept and re.search(r"[0-9-]", found[2]) else []
    return [n.repo_id for n in ids_in(value)]


def _licence(fields: Mapping[str, str]) -> str:
    name = fields.get("license", "").strip().lower()[:80]
    return fields.get("license_name", "").strip().lower()[:80] or name if name in ("other", "") else name


def _by_lines(front: str, problem: str) -> Front:
    """Read what a broken front matter still says between a key and the next."""
    front = front[:MAX_FRONT_MATTER_CHARS]
    text = {m[1]: m[2].strip() for m in _SCALAR.finditer(front)}
    said: dict[str, list[str]] = {}
    for key in (*KEYS, "datasets"):
        if begin := re.search(rf"(?:^|\s){key}:", front):
            end = _NEXT_KEY.search(front, begin.end())
            said[key] = [n.repo_id for n in ids_in(front[begin.end() : end.start() if end else None])]
    data = said.pop("datasets", [])
    return Front(
        tuple(dict.fromkeys(i for ids in said.values() for i in ids)),
        text.get("base_model_relation"),
        datasets=tuple(i.lower() for i in data),
        licence=_licence(text),
        problem=problem,
    )
