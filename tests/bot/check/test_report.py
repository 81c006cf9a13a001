"""The report as a table: claims are shown with what was measured, and a stranger's text cannot act."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from bot.check.report import table
from tests.bot.alerts.test_embeds import report
from tests.bot.text.test_sanitize import invisible

HOSTILE = "\x1b[2J@everyone [bold]merge[/bold] \u202eof https://evil.example " + "x" * 900


def shown(*claims: dict[str, str]) -> str:
    """Return the table of a report with these claims, as printed."""
    return printed(report(claims=list(claims), problems=[]))


def printed(one: dict[str, Any]) -> str:
    """Return the table of a report, as printed."""
    out = StringIO()
    Console(width=4000, file=out, markup=False).print(table(one))
    return out.getvalue()


def claim(**changes: str) -> dict[str, str]:
    """A claim as the report holds it."""
    return {
        "kind": "post-training",
        "subject": "dpo",
        "quote": "Aligned with DPO.",
        "where": "prose",
        "status": "contradicted",
        "measurement": "nothing is left over",
    } | changes


def test_claims_are_shown_with_what_was_measured() -> None:
    """Status, kind, subject, quote and measurement in one line; a declared parent is among the parents already."""
    text = shown(claim(), claim(kind="parent", quote="declared", status="supported"))
    assert "contradicted: post-training (dpo), “Aligned with DPO.”; nothing is left over" in text
    assert "“declared”" not in text


def test_a_report_of_an_older_version_has_no_claims() -> None:
    """A table is made of it all the same."""
    old = {key: value for key, value in report(problems=[]).items() if key != "claims"}
    assert "verdict" in printed(old)
    assert "claim" not in printed(old)


def test_a_hostile_quote_is_harmless_and_short() -> None:
    """It neither moves the cursor nor formats nor turns the reading direction, and is cut."""
    text = shown(claim(quote=HOSTILE, subject=HOSTILE, measurement=HOSTILE))
    assert not invisible(text.replace("\n", ""))
    assert "[bold]merge[/bold]" in text
    assert "x" * 500 not in text
