"""What a card declares about parents: front matter, the Hub's tags, and plain, unmistakable sentences.

Front matter: `base_model`, `base_model_relation` (https://huggingface.co/docs/hub/model-cards). A sentence counts when
words of descent stand before the name ("a merge of X and Y", "fine-tuned from X") and nothing between them denies or
compares ("unlike", "outperforms", "not"). "Distilled from X" names a teacher: it says nothing of X's weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import yaml

from analyzers.records import Disclosure, Mention

MAX_CARD_CHARS = 200_000
MAX_FRONT_MATTER_CHARS = 64_000
MAX_DECLARED = 64
MAX_SENTENCE_CHARS = 2_000  # work grows with its square, and nobody writes longer ones

REPO_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_ID = re.compile(rf"(?<![\w./@-])(?:https?://(?:www\.)?(?:huggingface\.co|hf\.co)/)?({REPO_ID})(?![\w/])")
_WHOLE_ID = re.compile(
    rf"(?:https?://(?:www\.)?(?:huggingface\.co|hf\.co)/)?({REPO_ID}|[A-Za-z0-9][A-Za-z0-9._-]{{1,95}})/?"
)
_TAG = re.compile(rf"base_model:(?:(finetune|merge|quantized|adapter):)?({REPO_ID})")
_KEY = re.compile(r"^[A-Za-z_][\w-]*:", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+|(?<=;)\s+")

_DESCENT = re.compile(
    r"\b(?:based (?:up)?on|built (?:up)?on(?: top of)?|built from|build on|derived from|derivative of|"
    r"(?:fine[- ]?tun(?:ed?|ing)|post[- ]?train(?:ed|ing)|instruction[- ]tuned|further trained|trained on top|adapted|"
    r"continued(?: pre-?training| training)?|convert(?:ed)?|conver(?:ted|sion)|quanti[sz](?:ed|ation)|initiali[sz]ed|"
    r"start(?:ed|ing)?|distill?ed (?:[\w-]+ ){0,6}into|upscaled|pruned)(?: [\w-]+){0,4}? (?:from|on|of|into|with|over)|"
    r"(?:merg(?:e|ed|ing)|blend(?:ed|ing)?|mix(?:ed|ture|ing)?|combin(?:ation|es|ed|ing)|interpolat(?:ion|ed|es|ing)|"
    r"average|soup|slerp|passthrough|task arithmetic|ties|dare|version|finetune|fine-tune|weights|checkpoint)"
    r"(?: [\w-]+){0,3}? (?:of|from|with|between|over)|"
    r"merges|blends|combines|interpolates|"
    r"(?:base|parent|source|merged|constituent)(?: models?| checkpoints?| weights)?"
    r"(?: (?:is|are|was|were|used))?\s*[:=|]?)",
    re.IGNORECASE,
)
_TEACHER = re.compile(
    r"\bdistil\w*(?: [\w-]+){0,4}? (?:from|of|using)\b|\bteachers?\b|\bgenerated (?:by|with|using)\b", re.IGNORECASE
)
_DENIAL = re.compile(
    r"\b(?:not|never|no|without|unlike|neither|nor|instead of|rather than)\b|n[’']t\b",
    re.IGNORECASE,
)
_COMPARISON = re.compile(
    r"\b(?:outperform\w*|beats?|surpass\w*|exceed\w*|compar\w+|versus|vs\.?|better|worse|than|rivals?|match(?:es)?|"
    r"competitive|similar|like|alternative|inspired|evaluat\w+|benchmark\w*)\b",
    re.IGNORECASE,
)
_AS_BASE = re.compile(
    r"^\W*(?:\w+\W+){0,3}?as (?:a |an |the |its |our )?(?:base|starting|foundation|initiali[sz]ation|parent|backbone)",
    re.IGNORECASE,
)
_NAME_FIRST = re.compile(
    r"^\W*(?:\w+\W+){0,2}?"
    r"(?:fine[- ]?tuned|post[- ]?trained|quanti[sz]ed|converted|merged|pruned|upscaled|distilled|with) ",
    re.IGNORECASE,
)
_BEFORE = r"(?:\W+\w+){0,4}\W*$"  # at most four words further on
_DENIED = re.compile(_DENIAL.pattern + _BEFORE, re.IGNORECASE)
_COMPARED = re.compile(_COMPARISON.pattern + _BEFORE, re.IGNORECASE)
_LIST = re.compile(r":[ \t]*\n+((?:[ \t]*(?:[-*+]|\d+\.)[ \t]+[^\n]*(?:\n+|$))+)")
_BULLET = re.compile(r"[ \t]*(?:[-*+]|\d+\.)[ \t]+([^\n]*)\n*")
_HEADING = re.compile(
    r"^#+[ \t]*((?:base|parent|source|merged|constituent) models?(?: merged)?|models merged):?[ \t]*\n+",
    re.IGNORECASE | re.MULTILINE,
)
_FROM_SCRATCH = re.compile(
    r"\b(?:train\w*|built|pre-?trained|develop\w*|creat\w*)\b[^.\n]{0,60}?\bfrom (?:scratch|nothing|random|zero)\b|"
    r"\bfrom[- ]scratch (?:model|training|pre-?training)\b",
    re.IGNORECASE,
)


def read_disclosure(
    revision: str, card: str, tags: Sequence[str] = (), names: Mapping[str, str] | None = None
) -> Disclosure:
    """Return what the author declares.

    `card`: README.md as text; `tags`: the Hub's; `names`: other names of known models to look for in prose, each with
    its repo id ("Borealis Coder" -> "tidepool-ai/Borealis-Coder").
    """
    text = card[:MAX_CARD_CHARS].replace("\r\n", "\n")
    front, body = split_front_matter(text)
    problems: list[str] = []
    mentions, relation = _from_front_matter(front, problems)
    mentions += [Mention(m[2], "tag", m[1] or "base_model") for tag in tags if (m := _TAG.fullmatch(str(tag)[:300]))]
    mentions += _from_prose(body, names or {})
    return Disclosure(
        revision=revision,
        mentions=tuple(dict.fromkeys(mentions))[:MAX_DECLARED],
        relation=relation,
        from_scratch=_claims_scratch(body),
        problems=tuple(problems),
    )


def _claims_scratch(body: str) -> bool:
    """Tell whether a sentence claims training from nothing, and does not deny it."""
    for match in _FROM_SCRATCH.finditer(body):
        before = re.split(r"[.!?\n]", body[max(0, match.start() - 80) : match.start()])[-1]
        if not _DENIAL.search(match[0]) and not _DENIED.search(before):
            return True
    return False


def split_front_matter(text: str) -> tuple[str, str]:
    """Return (front matter, body); the first is empty where there is none."""
    head = text.lstrip("\ufeff \n")
    if not head.startswith("---"):
        return "", text
    front, mark, body = head[3:].partition("\n---")
    return (front, body) if mark else ("", text)


def _from_front_matter(front: str, problems: list[str]) -> tuple[list[Mention], str | None]:
    """Read base_model and base_model_relation; of broken YAML what can still be read."""
    try:
        data = yaml.safe_load(front[:MAX_FRONT_MATTER_CHARS]) if front.strip() else {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        problems.append(f"the card's front matter is not valid YAML{line}")
        return [Mention(i, "front matter", "base_model") for i in _ids_after_base_model(front)], None
    if data is None:
        return [], None
    if not isinstance(data, dict):
        problems.append("the card's front matter is not a mapping")
        return [], None
    relation = data.get("base_model_relation")
    found = data.get("base_model", data.get("base_models"))
    named = found if isinstance(found, list) else [found]
    ids = [m[1] for value in named if isinstance(value, str) and (m := _WHOLE_ID.fullmatch(value.strip()))]
    label = relation if isinstance(relation, str) else "base_model"
    return [Mention(i, "front matter", label[:40]) for i in ids], relation if isinstance(relation, str) else None


def _ids_after_base_model(front: str) -> Iterator[str]:
    """Yield repo ids between `base_model:` and the next key."""
    at = front.find("base_model:")
    if at < 0:
        return
    rest = front[at + len("base_model:") :]
    end = _KEY.search(rest)
    yield from (m[1] for m in _ID.finditer(rest[: end.start()] if end else rest))


def _from_prose(body: str, names: Mapping[str, str]) -> list[Mention]:
    """Read the sentences that name a model together with words of descent, and merge recipes in code blocks."""
    found = [Mention(repo_id, "prose", "merge recipe") for repo_id in _from_recipes(body)]
    for sentence in _SENTENCE.split(_flat(body)):
        for repo_id, start, end in _named(sentence[:MAX_SENTENCE_CHARS], names):
            if _declares(sentence[:start], sentence[end:]):
                found.append(Mention(repo_id, "prose", "sentence"))
    return found


def _flat(body: str) -> str:
    """Return the text with lists and telling headings drawn into the sentence that introduces them."""
    body = _HEADING.sub(lambda m: f"{m[1].replace('odels merged', 'erged models')}: ", body)
    body = _LIST.sub(lambda m: ": " + ", ".join(_BULLET.findall(m[1])) + "\n", body)
    return re.sub(r"[`*_]{2,}|`|\*", "", body)


def _from_recipes(body: str) -> Iterator[str]:
    """Yield the models of merge recipes quoted in the card (fenced YAML with a merge_method)."""
    for block in re.findall(r"```[^\n]*\n(.*?)```", body, re.DOTALL):
        if "merge_method" in block:
            yield from (m[1] for m in re.finditer(rf"(?:model|base_model)\s*:\s*[\"']?({REPO_ID})", block))


def _named(sentence: str, names: Mapping[str, str]) -> Iterable[tuple[str, int, int]]:
    """Yield (repo id, start, end) of every model named in a sentence."""
    taken: list[tuple[int, int]] = []
    for match in _ID.finditer(sentence):
        taken.append(match.span())
        yield match[1].rstrip("."), *match.span()
    for name, repo_id in sorted(names.items(), key=lambda item: -len(item[0])):
        for match in re.finditer(rf"(?<![\w/-]){re.escape(name)}(?![\w/-])", sentence, re.IGNORECASE):
            if all(match.end() <= a or match.start() >= b for a, b in taken):
                taken.append(match.span())
                yield repo_id, *match.span()


def _declares(before: str, after: str) -> bool:
    """Tell whether the words around a name say that the upload descends from it."""
    denied = bool(_DENIAL.search(before) or _COMPARISON.search(before))
    if not denied and (_AS_BASE.match(after) or (not before.strip(" \t-|>#[(") and _NAME_FIRST.match(after))):
        return True
    if re.search(r"\bdistil", before, re.IGNORECASE) and re.search(r"\binto\W*$", before, re.IGNORECASE):
        return True
    descents = list(_DESCENT.finditer(before))
    if not descents:
        return False
    last = descents[-1]
    between, earlier = before[last.end() :], before[: last.start()]
    if any(word.search(between) for word in (_COMPARISON, _DENIAL)) or _DENIAL.search(last[0]):
        return False
    if _DENIED.search(earlier) or _COMPARED.search(earlier):
        return False
    teachers = list(_TEACHER.finditer(before))
    return not teachers or teachers[-1].end() < last.start()
