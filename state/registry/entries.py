"""Schema of a registry file, as pydantic models, and its error texts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema, model_validator
from pydantic_core import ErrorDetails

# "organisation/name": each part 1 to 96 letters, digits, "_", "-" or ".", without "-" or "." at its ends.
PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
REPO_ID = re.compile(rf"(?!.*\.\.){PART}/{PART}")
ORGANISATION = re.compile(rf"(?!.*\.\.){PART}")
REVISION = re.compile(r"[0-9a-f]{40}")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
WEIGHTS = re.compile(r"[0-9a-f]{64}")
LONGEST_REASON = 300  # characters: it is shown in one line with the verdict
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)")


def _shown(value: object) -> str:
    """Format a value for an error, kept short."""
    kinds = {dict: "a mapping", list: "a list", type(None): "nothing"}
    text = kinds.get(type(value)) or repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {_shown(value)}")  # noqa: TRY004 - pydantic lets a TypeError through
    return value


def _path(value: object) -> str:
    text = _text(value)
    if not text or "\0" in text:
        raise ValueError(f"must be the path of a folder, not {_shown(text)}")
    return text


def _target(value: object) -> str:
    text = _text(value)
    if not text or "\0" in text:
        raise ValueError(f"must be the path of a file or folder, not {_shown(text)}")
    return text


def _reason(value: object) -> str:
    text = _text(value)
    if not text.strip() or len(text) > LONGEST_REASON:
        raise ValueError(f"must say why in 1 to {LONGEST_REASON} characters, not {_shown(text)}")
    return text


def _weights(value: object) -> str:
    text = _text(value)
    if not WEIGHTS.fullmatch(text):
        raise ValueError(f"must be 64 hex digits in lower case, as a report gives them, not {_shown(text)}")
    return text


def _day(value: object) -> date:
    text = _text(value)
    if not DAY.fullmatch(text):
        raise ValueError(f"must be a day such as 2026-01-31, not {_shown(text)}")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"must be a day that exists, not {_shown(text)}: {error}") from error


def _repo_id(value: object) -> str:
    text = _text(value)
    if not REPO_ID.fullmatch(text):
        raise ValueError(f"must be a repo id such as org/name, not {_shown(text)}")
    return text


def _organisation(value: object) -> str:
    text = _text(value)
    if not ORGANISATION.fullmatch(text):
        raise ValueError(f"must be the name of an organisation on the Hub, not {_shown(text)}")
    return text


def _revision(value: object) -> str:
    text = _text(value)
    if not REVISION.fullmatch(text):
        raise ValueError(f"must be a commit of 40 hex digits in lower case, not {_shown(text)}")
    return text


def _time(value: object) -> datetime:
    text = _text(value)
    if not UTC_TIME.fullmatch(text):
        raise ValueError(f"must be a time in UTC such as 2026-01-31T00:00:00Z, not {_shown(text)}")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise ValueError(f"must be a time that exists, not {_shown(text)}: {error}") from error


def _pattern(pattern: re.Pattern[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$"})


Text = Annotated[str, BeforeValidator(_text)]
Folder = Annotated[str, BeforeValidator(_path), WithJsonSchema({"type": "string", "minLength": 1})]
Target = Annotated[str, BeforeValidator(_target), WithJsonSchema({"type": "string", "minLength": 1})]
Reason = Annotated[
    str,
    BeforeValidator(_reason),
    WithJsonSchema({"type": "string", "pattern": r"\S", "maxLength": LONGEST_REASON}),
]
Weights = Annotated[str, BeforeValidator(_weights), _pattern(WEIGHTS)]
Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": f"^{DAY.pattern}$"}),
]
RepoId = Annotated[str, BeforeValidator(_repo_id), _pattern(REPO_ID)]
OrganisationName = Annotated[str, BeforeValidator(_organisation), _pattern(ORGANISATION)]
Revision = Annotated[str, BeforeValidator(_revision), _pattern(REVISION)]
Time = Annotated[
    datetime,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{UTC_TIME.pattern}$"}),
]


class Strict(BaseModel):
    """Base of all entries: an unknown key is an error, and a number is not a text."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class ModelEntry(Strict):
    """Model that uploads are compared with: a repository on the Hub or a folder laid out like one."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["repo_id"]}, {"required": ["path"]}]})

    repo_id: RepoId = ""
    """Name on the Hub; with `path`, the name to show."""
    path: Folder = ""
    """Local folder, relative to the registry file."""
    role: Literal["base", "release"]
    """base: a pretrained model that starts a lineage; release: any model made from one."""
    revision: Revision = ""
    """Commit to read; without it, the newest."""
    weights_at: Time | None = None
    """Time when these weights became public, in UTC."""
    created_at: Time | None = None
    """Time when the repository was created, in UTC."""
    title: Text = ""
    """Name that its maker gives it."""
    aliases: list[Text] = []
    """Other names that cards call it by."""
    names: list[Text] = []
    """Names that it gives when asked."""
    maker: Text = ""
    """Its maker, for readers."""
    family: Text = ""
    """Name that it shares with its relatives."""
    licence: Text = ""
    """As the Hub writes it, such as apache-2.0."""
    source: Text = ""
    """Source of this entry's facts."""
    verified: Day | None = None
    """Day of the last online verification; without it, never."""
    note: Text = ""
    """Anything else, for readers."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.repo_id and not self.path:
            raise ValueError("needs `repo_id` or `path`")
        return self


class OrganisationEntry(Strict):
    """Organisations on the Hub that belong together: none hides a model from another."""

    name: Text
    """Name for readers."""
    members: list[OrganisationName] = Field(min_length=1)


class SuppressionEntry(Strict):
    """Uploads without alerts: all of one name, one revision of it, or certain weights under any name."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["repo_id"]},
                {"required": ["weights"], "not": {"required": ["revision"]}},
            ]
        }
    )

    repo_id: RepoId = ""
    """Name of the upload on the Hub."""
    revision: Revision = ""
    """With `repo_id`: this commit alone."""
    weights: Weights = ""
    """Instead of `repo_id`: the fingerprint of the weight files, which a report gives as `suspect.weights`."""
    reason: Reason
    """Reason, shown with the verdict."""
    until: Day
    """Last day, in UTC, on which it counts."""

    @model_validator(mode="after")
    def _one_upload(self) -> Self:
        if bool(self.repo_id) == bool(self.weights):
            raise ValueError("needs either `repo_id` or `weights`")
        if self.revision and not self.repo_id:
            raise ValueError("has a `revision`, which belongs to a `repo_id`")
        return self


class DeclaredEntry(Strict):
    """Parents that count as if the upload's card declared them."""

    child: RepoId
    """Upload with undeclared parents."""
    parents: list[RepoId] = Field(min_length=1)
    """Its parents."""
    reason: Reason
    """Reason to count them as declared."""
    source: Text = ""
    """Source of the declaration."""

    @model_validator(mode="after")
    def _others(self) -> Self:
        if self.child.lower() in (parent.lower() for parent in self.parents):
            raise ValueError(f"declares {self.child} as a parent of itself")
        return self


class RegistryFile(Strict):
    """Registry file; a bare list of models is one too."""

    include: list[Target] = []
    """Other registry files and folders of them, relative to this file."""
    models: list[ModelEntry] = []
    organisations: list[OrganisationEntry] = []
    suppressions: list[SuppressionEntry] = []
    declared: list[DeclaredEntry] = []


FILE_SCHEMA: TypeAdapter[RegistryFile | list[ModelEntry]] = TypeAdapter(RegistryFile | list[ModelEntry])


SENTENCES = {
    "missing": "{thing} is missing",
    "extra_forbidden": "{thing} is not a known key",
    "literal_error": "{thing} must be {expected}, not {given}",
    "model_type": "{thing} must be a mapping, not {given}",
    "list_type": "{thing} must be a list, not {given}",
    "too_short": "{thing} must not be empty",
}


def sentence(error: ErrorDetails) -> str:
    """Format one complaint of pydantic. The text starts with the key it is about."""
    thing = _thing(error["loc"])
    if error["type"] not in SENTENCES:
        return f"{thing} {error['msg'].removeprefix('Value error, ')}"
    expected = error.get("ctx", {}).get("expected")
    return SENTENCES[error["type"]].format(thing=thing, expected=expected, given=_shown(error["input"]))


def _thing(loc: tuple[int | str, ...]) -> str:
    """Format `key`, or `key[2]` for the third of a list."""
    if not loc:
        return "the file"
    if isinstance(loc[-1], int):
        entry = {
            "models": "this model",
            "organisations": "this organisation",
            "suppressions": "this suppression",
            "declared": "this pair",
        }
        name = loc[-2] if len(loc) > 1 else ""
        return entry[str(name)] if len(loc) == 2 and name in entry else f"`{name}[{loc[-1]}]`"
    return f"`{loc[-1]}`"
