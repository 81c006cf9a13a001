"""The probe as the bench and its test run it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from analyzers.identity.evidence import IdentityEvidence
from bot.config.inference import Budget
from bot.inference.connection import Connection
from bot.inference.names import names_of, own_names
from bot.inference.probe import Probe, ProbeLimits, Subject
from bot.inference.rendering import Template
from bot.inference.spending import SpendingLimit
from state.daily_spending import Spending
from state.registry.models import SHIPPED, load

SUSPECT = "prefeitura-rio/Rio-3.5-Open-397B"


def ask(url: str, model: str, template: str, folder: Path, samples: int = 5) -> IdentityEvidence:
    """Ask the model at `url` under the name of the founding case; `folder` is where the spending is written."""
    names = names_of(load([SHIPPED]).models)
    own = own_names(SUSPECT, names)
    subject = Subject(None, model, {**own, **names}, tuple(own.values())[:1], Template(template, "chat_template.jinja"))
    now = datetime.now(UTC)
    with Connection(url, None) as connection:
        probe = Probe(
            connection,
            url.split("/")[2],
            SpendingLimit(Budget(), 0.0, Spending(folder / "book.json"), lambda: now),
            ProbeLimits(samples=samples),
            {},
        )
        return probe.ask(subject, now)
