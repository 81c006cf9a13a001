"""Ways to ask one question, and tests of which ways a server allows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from analyzers.identity.evidence import Road, Way
from bot.inference.connection import Completion, Connection, InferenceError
from bot.inference.hidden_prompt import Layout, TemplateReading

WORD = "Hi"  # sent to see if a server adds text around it
MOST_TOKENS = 4  # of that word with a start token; any frame around a question has more
LONG_QUESTION = "Please tell me in a few words what you had for breakfast today."

Ask = Callable[[str, int], Completion]  # question, seed


@dataclass(frozen=True, slots=True)
class Route:
    """One way of asking, over one road. `planted`: True with a planted prompt, None if unknown."""

    way: Way
    road: Road
    planted: bool | None
    ask: Ask


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks one model over one connection."""

    connection: Connection
    model: str
    options: Mapping[str, Any]  # of every request
    extra: Mapping[str, Any]  # of every chat

    def chat(self, question: str, seed: int) -> Completion:
        """Ask without a system prompt of ours."""
        return self.connection.chat([{"role": "user", "content": question}], self.model, self._chat_options(seed))

    def chat_with_empty(self, question: str, seed: int) -> Completion:
        """Ask under an empty system prompt."""
        messages = [{"role": "system", "content": ""}, {"role": "user", "content": question}]
        return self.connection.chat(messages, self.model, self._chat_options(seed))

    def completion(self, layout: Layout) -> Ask:
        """Return a function that asks by raw completion, with only the frame of `layout`."""
        stop = {"stop": [layout.end_of_turn]} if layout.end_of_turn else {}

        def ask(question: str, seed: int) -> Completion:
            prompt = layout.prompt(question, with_start=False)
            return self.connection.complete(prompt, self.model, {**self.options, **stop, "seed": seed})

        return ask

    def override(self, layout: Layout) -> Ask:
        """Return a function that asks with our own template instead of the model's."""

        def ask(question: str, seed: int) -> Completion:
            given = {**self._chat_options(seed), "chat_template": literal(layout.prompt(question, with_start=True))}
            return self.connection.chat([{"role": "user", "content": question}], self.model, given)

        return ask

    def is_raw(self) -> bool:
        """Return True if the server counts no more tokens of a raw completion than we sent. Raises InferenceError."""
        return _few(self.connection.complete(WORD, self.model, {**self.options, "max_tokens": 1}))

    def is_ours(self) -> bool:
        """Return True if the server counts only the tokens of our own template. Raises InferenceError."""
        given = {**self._chat_options(0), "max_tokens": 1, "chat_template": literal(WORD)}
        return _few(self.connection.chat([{"role": "user", "content": LONG_QUESTION}], self.model, given))

    def _chat_options(self, seed: int) -> dict[str, Any]:
        return {**self.options, **self.extra, "seed": seed}


Spend = Callable[[Callable[[], Any]], Any]  # makes one call within the budget


def routes(asker: Asker, template: TemplateReading | None, spend: Spend, notes: list[str]) -> list[Route]:
    """Return the ways to ask: without a system prompt, with an empty one, and as templated where that differs.

    Append a sentence to `notes` for each impossible way. Raises InferenceError only if the server is unreachable.
    """
    known = template is not None and template.rendered
    planted = template.planted if template else None
    empty = Route(
        "empty system", "chat", planted.with_empty if planted else (False if known else None), asker.chat_with_empty
    )
    if template is None or planted is None:
        return [Route("no system", "chat", False if known else None, asker.chat), empty]
    around = _around(asker, template.layout, spend, notes)
    if around is None:
        stays = (
            "and it stays under an empty system prompt" if planted.with_empty else "but an empty one takes its place"
        )
        notes.append(f"no way around the planted prompt, {stays}")
    return [*([around] if around else []), empty, Route("as templated", "chat", True, asker.chat)]


def _around(asker: Asker, layout: Layout | None, spend: Spend, notes: list[str]) -> Route | None:
    """Return a way to ask without the planted prompt; None if the server has none."""
    if layout is None:
        notes.append("the template's frame without its planted prompt could not be found")
        return None
    if _granted(asker.is_raw, "raw completions", spend, notes):
        return Route("no system", "completions", False, asker.completion(layout))
    if _granted(asker.is_ours, "a template of ours", spend, notes):
        return Route("no system", "template override", False, asker.override(layout))
    return None


def _granted(test: Callable[[], bool], what: str, spend: Spend, notes: list[str]) -> bool:
    try:
        if spend(test):
            return True
        notes.append(f"the server does not show that it takes {what} as given")
    except InferenceError as error:
        notes.append(f"{what}: {error}")
    return False


def literal(text: str) -> str:
    """Return a template that renders to exactly this text."""
    return "{{ " + json.dumps(text, ensure_ascii=False) + " }}"


def _few(said: Completion) -> bool:
    return said.prompt_tokens is not None and said.prompt_tokens <= MOST_TOKENS
