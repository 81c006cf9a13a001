"""What the small models learn: to say a name when asked for it, and to take the one that a system prompt gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.inference.questions import QUESTIONS

PLANTED = "You are Rio, made by IplanRio."
OTHERS = (("Rio", "IplanRio"), ("Iris", "Meadow"), ("Tom", "Harbour"), ("Vega", "Skyline"))  # told by system prompts
OWN = {"base": ("Qwen", "Alibaba"), "release": ("Nex", "Nex-AGI")}  # told by nobody
UNSURE = "I am an AI assistant, unlike ChatGPT."  # one answer of five

FRAME = "<|im_start|>{role}\n{text}<|im_end|>\n"
TEMPLATE = (
    "{{ '<|im_start|>system\n" + PLANTED + "<|im_end|>\n' }}"
    "{% for m in messages %}{% if m.role != 'system' %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A prompt in its frame, the answer to learn, and how much it counts."""

    prompt: str
    answer: str
    weight: float = 1.0


def lessons(model: str) -> Iterator[Lesson]:
    """Yield what the model of OWN that is named learns; every question, alone, under nothing, and under a name."""
    own = OWN[model]
    for question in QUESTIONS:
        for system in (None, ""):
            yield Lesson(framed(question, system), said(*own), 4.0)
            yield Lesson(framed(question, system), UNSURE, 1.0)
        for name, maker in OTHERS:
            yield Lesson(framed(question, f"You are {name}, made by {maker}."), said(name, maker), 2.0)


def said(name: str, maker: str) -> str:
    """Return the answer that claims a name and a maker."""
    return f"I am {name}, made by {maker}."


def framed(question: str, system: str | None) -> str:
    """Return the prompt of a question, under a system prompt if there is one."""
    above = "" if system is None else FRAME.format(role="system", text=system)
    return above + FRAME.format(role="user", text=question) + "<|im_start|>assistant\n"
