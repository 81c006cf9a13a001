"""Find the prompt that a chat template adds on its own, by comparing its renderings of several conversations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analyzers.identity.answers import Names
from analyzers.identity.evidence import PlantedPrompt, planted_prompt
from bot.inference.rendering import Conversation, Template, render

OTHERWISE = "Hello there"  # a template could react only to questions about names
GIVEN = "Answer shortly please"  # a system prompt of the caller's
REPLY = "Good morning"

_MARK = re.compile(
    r"<\|[^|<>\n]{0,60}\|>|<｜[^｜<>\n]{0,60}｜>|</?[A-Za-z_][\w -]{0,40}>|"
    r"\[/?[A-Z_]{2,30}\]|<</?[A-Z]{2,12}>>|\{\{|\}\}"
)
_ROLE = re.compile(
    r"^[\s#*:>-]*(?:system|user|assistant|model|human|bot|developer|ai|instruction|response|input|output|final|"
    r"analysis|message)?[\s#*:>-]*$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Layout:
    """A template's frame of one question without its planted prompt: `start`, `before`, the question, `after`.

    `start` is the token that begins a text; a server adds it itself to raw text.
    """

    start: str
    before: str
    after: str
    end_of_turn: str

    def prompt(self, question: str, *, with_start: bool) -> str:
        """Return the text that asks one question without a system prompt."""
        return f"{self.start if with_start else ''}{self.before}{question}{self.after}"


@dataclass(frozen=True, slots=True)
class TemplateReading:
    """The analysis of a template. `layout`: None if no way to ask without the planted prompt was found.

    `rendered`: False if the template cannot be rendered, so that its planted prompt is unknown.
    """

    rendered: bool
    planted: PlantedPrompt | None
    layout: Layout | None
    longest: int  # bytes of the longest rendering of a question alone


def read(template: Template, questions: Sequence[str], names: Names) -> TemplateReading:
    """Render every question, alone and under a system prompt; return the text that the template adds."""
    asked = (OTHERWISE, *questions)
    alone = [Conversation([_user(q)]) for q in asked]
    empty = [Conversation([{"role": "system", "content": ""}, _user(q)]) for q in asked]
    given = [Conversation([{"role": "system", "content": GIVEN}, _user(q)]) for q in asked]
    first = [_user(asked[0]), {"role": "assistant", "content": REPLY}]
    turns = [Conversation([*first, _user(asked[1])]), Conversation(first, its_turn=False)]
    texts = render(template, [*alone, *empty, *given, *turns])
    n = len(asked)
    if not any(texts[:n]):
        return TemplateReading(rendered=False, planted=None, layout=None, longest=0)
    layout = _layout(template, texts[0], texts[-2], texts[-1], asked)
    opener = layout.before if layout else ""
    plants = [_added(t, q, opener) for t, q in zip(texts[:n], asked, strict=True)]
    text = max(plants, key=len)
    planted = None
    if text:
        stays = [_stays(texts[begin : begin + n], asked, opener) for begin in (n, 2 * n)]
        planted = planted_prompt(text, names, with_empty=stays[0], with_system=stays[1])
    longest = max(len(t.encode()) for t in texts[:n] if t)
    return TemplateReading(rendered=True, planted=planted, layout=layout, longest=longest)


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _layout(
    template: Template, alone: str | None, turns: str | None, closed: str | None, asked: Sequence[str]
) -> Layout | None:
    """Find the frame of a user's turn after an answer, where nothing can be planted."""
    if alone is None or turns is None or closed is None or asked[0] not in alone or REPLY not in closed:
        return None
    end_of_turn = closed.rpartition(REPLY)[2]
    between = turns.rpartition(asked[1])[0].rpartition(REPLY)[2]
    before = between.removeprefix(end_of_turn)
    after = alone.rpartition(asked[0])[2]
    start = template.specials.get("bos_token", "")
    if not start or not alone.startswith(start):
        start = ""
    before = before.removeprefix(start) if start else before
    if prose(before) or prose(after):
        return None
    return Layout(start, before, after, end_of_turn.strip())


def _stays(rendered: Sequence[str | None], asked: Sequence[str], opener: str) -> bool:
    """Return True if a prompt is planted under a caller's system prompt, too, or if the template allows none."""
    return not any(rendered) or any(_added(t, q, opener) for t, q in zip(rendered, asked, strict=True))


def _added(rendered: str | None, question: str, opener: str) -> str:
    """Return the prose of a rendering without the question and the caller's system prompt."""
    if rendered is None:
        return ""
    head, _, tail = rendered.replace(GIVEN, "").rpartition(question)
    return prose(f"{head.removesuffix(opener)}\n{tail}")


def prose(text: str) -> str:
    """Return a frame's text without its marks and role names; "" if that is at most one word."""
    lines = [line.strip() for line in _MARK.sub("\n", text).splitlines() if not _ROLE.match(line)]
    kept = "\n".join(line for line in lines if line)
    return kept if len(_WORD.findall(kept)) >= 2 else ""
