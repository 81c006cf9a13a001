"""Every bound in one place: the most that one upload, one pass and one day may cost, and the effect beyond it.

The numbers are the code's: each bound is read from the setting or constant that it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analyzers.card import reader
from analyzers.sketch import layout
from bot.alerts import compose, delivery, rate_cap
from bot.cases import casework
from bot.chat import notices
from bot.check import author_words, components, declarations, own_weights, precedence, second_look, third_look
from bot.config.settings import Settings
from bot.hub import facts, hub, listing, repo, webhook
from bot.hub.http import deadlines, errors, request_rules, session
from bot.known import index, repository_files
from bot.sources import first_look, gguf_header, safetensors_header, untrusted_json
from bot.watch import feeds, rejudge, relatives, watcher
from state.backup.retention import Retention
from state.registry import files, yaml_positions


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound. `name`: of a setting, an option, or a constant with its module; `beyond`: the effect beyond it."""

    what: str
    value: float
    unit: str
    beyond: str
    name: str


def _setting(name: str, unit: str, beyond: str) -> Bound:
    field = Settings.model_fields[name]
    return Bound(str(field.description), field.default, unit, beyond, f"`{name}`")


def _constant(module: object, name: str, what: str, unit: str, beyond: str) -> Bound:
    where = str(getattr(module, "__name__", ""))
    return Bound(what, getattr(module, name), unit, beyond, f"`{where}.{name}`")


def _days(name: str, what: str) -> Bound:
    return Bound(what, getattr(Retention(), name), "days", "`prune --apply` removes it", f"`prune --{_option(name)}`")


def _option(name: str) -> str:
    return name.replace("_", "-")


_INCONCLUSIVE: Final = "what was read decides; too little is inconclusive, with the reason"
_FAILED: Final = "the upload fails, with the reason"
_REST: Final = "the rest waits for the next pass"

BOUNDS: Final = (
    _constant(first_look, "FIRST_LOOK_REQUESTS", "requests of the first look at an upload", "requests", _INCONCLUSIVE),
    _constant(first_look, "FIRST_LOOK_BYTES", "bytes of weights that a first look reads", "bytes", _INCONCLUSIVE),
    _constant(second_look, "REQUESTS", "requests of the second look", "requests", _INCONCLUSIVE),
    _constant(second_look, "BYTES", "bytes of the second look", "bytes", _INCONCLUSIVE),
    _constant(third_look, "REQUESTS", "requests of the third look", "requests", _INCONCLUSIVE),
    _constant(third_look, "BYTES", "bytes of the third look", "bytes", _INCONCLUSIVE),
    _constant(
        components, "MOST", "components read beside the one that is judged", "components", "the others are listed"
    ),
    _constant(components, "REQUESTS", "requests of each of these", "requests", "a note says why it could not be read"),
    _constant(components, "FURTHER", "requests more of each of these", "requests", "it is judged by what was read"),
    _constant(
        declarations,
        "MAX_FOLLOWED",
        "declared models, and as many matches, whose cards are asked what they are a form of",
        "models",
        "the others declare and name only themselves",
    ),
    _constant(
        author_words,
        "MAX_FILES",
        "recipes and settings beside a card that are read",
        "files",
        "the others are not read",
    ),
    _constant(
        declarations,
        "MAX_DECLARED_READ",
        "declared parents, in no registry file, read for one upload, a first look each",
        "models",
        "the others are not compared",
    ),
    _constant(
        relatives,
        "MOST_READ",
        "relatives read for one base in a day, a first look each",
        "models",
        "the others wait for another day",
    ),
    _constant(
        relatives,
        "MOST_TRIED",
        "relatives tried for one base in a day, those that cannot be read among them",
        "models",
        "the others wait for another day",
    ),
    _constant(
        listing,
        "MOST_PAGES",
        "pages of a base's or an organisation's models that are listed, of 100 each",
        "pages",
        "older ones are not looked at",
    ),
    _constant(
        precedence,
        "MOST_READ",
        "earlier weights of an old repository that are read before it is accused, a first look each",
        "states",
        "no alert is sent, and the operator is notified",
    ),
    _constant(
        own_weights,
        "MOST",
        "older repositories of the upload's organisation that are read before an alert, a first look each",
        "repositories",
        "the nearest in size are read",
    ),
    _constant(
        repo,
        "MAX_STATES",
        "commits of an old repository that are looked at for them",
        "commits",
        "no alert is sent, and the operator is notified",
    ),
    _constant(rejudge, "SECONDS", "earlier uploads explained again in one pass", "seconds", _REST),
    _constant(repository_files, "MAX_CARD_BYTES", "a card", "bytes", "it counts as not read, which the report says"),
    _constant(
        reader,
        "MAX_CARD_CHARS",
        "what is read of a card",
        "characters",
        "the rest is not read, which the report says",
    ),
    _constant(repository_files, "MAX_CONFIG_BYTES", "a config", "bytes", "it is not compared, which the report says"),
    _constant(
        facts,
        "MAX_FILES",
        "files of a repository that are looked at",
        "files",
        "weights come first, the others are left out",
    ),
    _constant(safetensors_header, "READ_BYTES", "the header of one shard", "bytes", _FAILED),
    _constant(gguf_header, "GGUF_BYTES", "the header of a GGUF file, vocabulary included", "bytes", _FAILED),
    _constant(layout, "MAX_TENSORS", "tensors of one upload", "tensors", _FAILED),
    _constant(session, "JSON_BYTES", "one answer of the Hub's API", "bytes", _FAILED),
    _constant(untrusted_json, "MOST_VALUES", "values in one answer of the Hub or header of a shard", "values", _FAILED),
    _constant(
        repo, "INDEX_BYTES", "an index that tells which shards to read first", "bytes", "evenly spread ones are read"
    ),
    _constant(
        errors,
        "LONGEST_AWAY",
        "the time for which the Hub may send us away",
        "seconds",
        "it is asked again then",
    ),
    Bound(
        "the time for one answer of the Hub or its storage, from the request to the last byte",
        request_rules.PATIENCE * hub.TIMEOUT,
        "seconds",
        "it is asked for again, twice at most",
        "`bot.hub.http.request_rules.PATIENCE` times `bot.hub.hub.TIMEOUT`",
    ),
    _constant(
        deadlines,
        "LONGEST_READING",
        "the time for reading one repository in one attempt, what is read of others between not counted",
        "seconds",
        "the attempt fails, with the reason; there are more",
    ),
    _constant(
        feeds,
        "LONGEST_READING",
        "the time for reading one listing in one pass",
        "seconds",
        "the rest is a gap: the operator is notified, and it is read again without this limit",
    ),
    Bound(
        "attempts at an upload that cannot be read",
        len(watcher.RETRIES) + 1,
        "attempts",
        "it stays failed, with the reason, until a listing shows that it was opened, has weights, or has a new commit",
        "`bot.watch.watcher.RETRIES`",
    ),
    _constant(
        watcher,
        "DEATHS",
        "ends of the process while it judges one upload",
        "ends",
        "set aside for a day; the operator is notified",
    ),
    _setting("requests_per_pass", "requests", _REST),
    _setting("bytes_per_pass", "bytes", _REST),
    _setting("max_backlog", "uploads", "the operator is notified"),
    _setting("hook_min_seconds", "seconds", "one early pass answers all webhooks of that time"),
    _constant(webhook, "LARGEST_BODY", "the body of a webhook", "bytes", "413"),
    _setting("alerts_per_hour", "alerts", "a digest, at most one an hour"),
    _constant(compose, "DIGEST_LINES", "cases that a digest names", "cases", "it says how many there are more"),
    _constant(rate_cap, "MOST_TOGETHER", "alerts in one digest", "alerts", "the others wait for the next one"),
    _constant(
        casework,
        "MOST_A_DAY",
        "notes of one case about one thing in a day",
        "notes",
        "later changes are sent another day, if they still hold",
    ),
    _constant(
        notices,
        "MOST_A_DAY",
        "authors that are asked on the Hub in any 24 hours",
        "authors",
        "the others are asked later, and their alerts wait until then",
    ),
    _constant(
        delivery,
        "MOST_ATTEMPTS",
        "attempts to deliver a message, over about a day",
        "attempts",
        "it is dead, and the operator is notified",
    ),
    _constant(
        index,
        "STATES",
        "weights that the repository of one known model had and that are compared",
        "sketches",
        "the first and the newest ones are compared",
    ),
    _constant(files, "MOST_MODELS", "known models", "models", "an error that names the file"),
    _constant(yaml_positions, "LARGEST_FILE", "a file of the registry", "bytes", "an error that names the file"),
    _setting("min_free_bytes", "bytes", "the operator is notified"),
    _days("report_days", "reports without blend, copy or alert"),
    _days("message_days", "payloads of sent alerts, where the report says the same"),
    _days("sketch_days", "sketches of models neither known nor seen"),
    _days("evidence_days", "evidence of uploads without alert"),
)


def table() -> str:
    """Return the table of bounds, for docs/bounds.md."""
    head = ["| what is bounded | bound | beyond it | name |", "| --- | --- | --- | --- |"]
    rows = [f"| {b.what} | {b.value:,.0f} {b.unit} | {b.beyond} | {b.name} |" for b in BOUNDS]
    return "\n".join(head + rows)
