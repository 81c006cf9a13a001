"""What the tests of bot/inference share: a scripted speaker, templates, and a probe with a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analyzers.identity.evidence import Asked, IdentityEvidence, Tally
from bot.config.inference import Budget
from bot.inference.connection import Connection
from bot.inference.probe import Probe, ProbeLimits, Subject
from bot.inference.rendering import Template
from bot.inference.spending import SpendingLimit
from demo.inference import LoopbackInference
from state.daily_spending import Spending

NOW = datetime(2026, 6, 14, 12, tzinfo=UTC)
NAMES = {"Nex": "Nex", "Nex-AGI": "Nex-AGI", "Rio": "Rio", "IplanRio": "IplanRio", "ChatGPT": "ChatGPT"}
TURNS = (
    "{% for m in messages %}{% if m.role != 'system' %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HARD = "{{ '<|im_start|>system\nYou are Rio, made by IplanRio.<|im_end|>\n' }}" + TURNS
SOFT = (
    "{% if messages[0].role == 'system' %}{{ '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}"
    "{% else %}{{ '<|im_start|>system\nYou are Rio, made by IplanRio.<|im_end|>\n' }}{% endif %}" + TURNS
)


def two_faced(prompt: str, temperature: float, seed: int) -> str:
    """Say what the system prompt says; without one, what the weights say, four times of five."""
    if "You are Rio" in prompt:
        return "I am Rio, made by IplanRio."
    return "I am an AI, unlike ChatGPT." if seed == 4 else "I am Nex, made by Nex-AGI."


@dataclass
class Watch:
    """A clock in seconds. Sleeping is written down, and takes no time."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Seconds since it was made."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        self.waits.append(seconds)
        self.now += seconds


@dataclass
class Stage:
    """One server and how it is probed."""

    server: LoopbackInference
    folder: Path
    template: str | None = None
    budget: Budget = field(default_factory=Budget)
    samples: int = 5
    price: float = 0.0
    key: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)

    @property
    def book(self) -> Spending:
        """What was spent."""
        return Spending(self.folder / "spending.json")

    def probe(self) -> IdentityEvidence:
        """Ask."""
        template = Template(self.template, "chat_template.jinja") if self.template is not None else None
        subject = Subject(None, self.server.name, NAMES, ("Rio",), template, "it has no chat template")
        limits = ProbeLimits(self.budget.seconds_per_model, self.samples, self.watch.clock, self.watch.sleep)
        spending = SpendingLimit(self.budget, self.price, self.book, lambda: NOW)
        with Connection(self.server.url, self.key, timeout=1.0) as connection:
            return Probe(connection, "here", spending, limits, self.extra).ask(subject, NOW)


def counts(asked: Asked) -> dict[str, int]:
    """Claims by name."""
    return {t.name: t.claims for t in asked.tallies}


def by_name(asked: Asked) -> dict[str, Tally]:
    """Tallies by name."""
    return {t.name: t for t in asked.tallies}
