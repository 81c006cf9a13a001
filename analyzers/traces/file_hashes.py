"""Files that are equal to known models' files by their hashes, so that nothing of them has to be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from analyzers.records import RepoFile
from analyzers.records.traces import Trace, listed, trace

TOKENIZER: Final = frozenset(
    {"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json", "merges.txt", "tiktoken.model"}
)
TEMPLATES: Final = frozenset({"chat_template.jinja", "chat_template.json"})
SETTINGS: Final = "generation_config.json"
CONFIG: Final = "config.json"
KEPT: Final = TOKENIZER | TEMPLATES | {SETTINGS, CONFIG}
SMALLEST_SHARD: Final = 65_536  # bytes; a smaller weight file may be equal for lack of room
MAX_KEPT: Final = 2_048  # files of one model


def digest_of(file: RepoFile) -> str:
    """Return a text that is equal for equal contents; "" where the Hub tells none.

    A file in large storage has another name there than in git, so a file kept both ways is not recognized.
    """
    return f"sha256:{file.sha256}" if file.sha256 else f"git:{file.oid}" if file.oid else ""


def digests(files: Sequence[RepoFile]) -> dict[str, str]:
    """Return path -> digest of the files by which a model may be recognized: weights, and small files at the root."""
    kept = [f for f in files if _kind(f) and digest_of(f)]
    return {f.path: digest_of(f) for f in sorted(kept, key=lambda f: f.path)[:MAX_KEPT]}


def of_equal(
    files: Sequence[RepoFile], holders: Mapping[str, Sequence[str]], own: str, expected: Collection[str]
) -> Iterator[Trace]:
    """Yield the files that known models have, too.

    `holders`: digest -> repo ids of known models with such a file. `expected`: repo ids in lower case that the upload
    declares, and what those declare. A file that one of these has is no news of any other.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for file in files:
        names = tuple(n for n in holders.get(digest_of(file), ()) if n.lower() != own.lower())
        kind = _kind(file)
        if kind and names:
            groups.setdefault((kind, names), []).append(file.path)
    for (kind, names), paths in sorted(groups.items(), key=lambda g: (g[0][0] != "equal shard", g[0])):
        yield _equal(kind, names, sorted(paths), expected)


def _equal(kind: str, names: tuple[str, ...], paths: list[str], expected: Collection[str]) -> Trace:
    of = [n for n in names if n.lower() in expected]
    if kind == "equal shard":
        many = f"{len(paths)} weight files are" if len(paths) > 1 else "One weight file is"
        claim = f"{many} equal, byte for byte, to files of {listed(of or names)}."
        return trace(kind, paths[0], claim, "strong", of or names, paths[0])
    its = f"Its {listed(paths)} {'equal those' if len(paths) > 1 else 'equals that'} of"
    if of:
        return trace(kind, paths[0], f"{its} {listed(of)}, which is declared, as in any fine-tune.", "weak", of)
    if len(names) > 1:
        return trace(kind, paths[0], f"{its} {len(names)} known models, none of them declared.", "weak", names)
    claim = f"{its} {names[0]} and of no other known model; it is not declared."
    return trace(kind, paths[0], claim, "weak" if kind == "equal config" else "suggestive", names)


def _kind(file: RepoFile) -> str:
    """Return which kind of trace a file can be, "" if none."""
    if file.path.endswith(".safetensors"):
        return "equal shard" if file.size >= SMALLEST_SHARD else ""
    if file.path in TOKENIZER:
        return "equal tokenizer"
    if file.path in TEMPLATES:
        return "equal template"
    return {SETTINGS: "equal settings", CONFIG: "equal config"}.get(file.path, "")
