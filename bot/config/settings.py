"""Settings: a TOML file, the environment over it, and secrets from files of their own. See docs/settings.md."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from analyzers.errors import BlendwatchError
from bot.config.channels import Channel
from bot.config.errors import in_words
from bot.config.inference import ROUTER, Budget, Endpoint
from bot.config.sources import Given, Names, gather
from bot.hub.account import logged_in
from state.registry.models import SHIPPED

PREFIX: Final = "BLENDWATCH_"
AS_EVERYWHERE: Final = ("hf_endpoint", "hf_token")  # their variables have no prefix


class SettingsError(BlendwatchError):
    """Invalid settings: the text has a line for each, with its place, and holds no secret."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


def _data() -> Path:
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "blendwatch"


def _logged_in() -> SecretStr | None:
    token = logged_in()
    return SecretStr(token) if token else None


def _joined(value: object) -> object:
    """Join a list of paths, as in TOML, to the form of the environment."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return os.pathsep.join(value)
    return value


def _home(value: object) -> object:
    return str(Path(value).expanduser()) if isinstance(value, str) and value else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _page(value: str) -> str:
    if value and not re.fullmatch(r"https://[^\s()<>\[\]#]{1,192}", value):
        raise ValueError("must be an https address of at most 200 characters without #, spaces or brackets")
    return value


class _Environment(EnvSettingsSource):
    """The environment; invalid JSON is left to the setting's own check, which gives the clearer error."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """See EnvSettingsSource."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class Settings(BaseSettings):
    """All settings of an operator, each by its name in the file and as BLENDWATCH_NAME in the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    data: Annotated[Path, BeforeValidator(_home)] = Field(
        default_factory=_data, description="folder for the database and the sketches"
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL database instead of the SQLite file: postgresql+psycopg://user:password@host/name",
    )
    registry: Annotated[str, BeforeValidator(_joined)] = Field(
        default=str(SHIPPED),
        min_length=1,
        description="files or folders of known models, joined by `:`; in the file also a list",
    )
    discord_webhook: SecretStr | None = Field(default=None, description="address of the Discord webhook for alerts")
    discord_token: SecretStr | None = Field(default=None, description="token of the Discord bot; docs/discord.md")
    channels: tuple[Channel, ...] = Field(
        default=(),
        description="other channels that get alerts, by Apprise: a list of {name, url or url_file, operator?,"
        " organisation?, base?, kind?, strength?, billions?}; docs/channels.md",
    )
    review_channel: int | None = Field(
        default=None, ge=1, description="id of the channel whose members see findings first"
    )
    review: Literal["all", "inexact"] = Field(
        default="all", description="which findings they see first: `all`, or the `inexact` ones alone"
    )
    reviewers: int = Field(default=1, ge=1, le=2, description="reviewers who must agree before a case is published")
    review_hours: float = Field(
        default=24.0, gt=0, le=24 * 30, description="hours before reviewers are reminded of an undecided case"
    )
    author_notice_hours: float = Field(
        default=0.0,
        ge=0,
        le=24 * 30,
        description="hours that an alert waits after reviewers let its author be asked on the Hub; reviewers then see"
        " every finding first; 0: no author is asked",
    )
    author_notice_token: SecretStr | None = Field(
        default=None, description="token for the Hub that opens those discussions, and does nothing else"
    )
    glossary_url: Annotated[str, AfterValidator(_page)] = Field(
        default="",
        description="address at which you publish docs/glossary.md; the terms of an alert on Discord link there",
    )
    ping_url: SecretStr | None = Field(default=None, description="address that is asked after every good pass")
    discord_api_base: str | None = Field(default=None, description="another Discord, for tests and the demo")
    hf_endpoint: str = Field(
        default="https://huggingface.co", validation_alias="hf_endpoint", description="address of the Hub"
    )
    hf_token: SecretStr | None = Field(
        default_factory=_logged_in,
        validation_alias="hf_token",
        description="token for the Hub, for higher rate limits; read only; without it, that of `hf auth login`",
    )
    min_parameters: int = Field(default=3_000_000_000, ge=0, description="parameters from which an upload is large")
    min_bytes: int = Field(
        default=6_000_000_000, ge=0, description="bytes of weights from which an upload without a count is large"
    )
    poll_minutes: float = Field(default=10.0, gt=0, le=1440, description="minutes between two passes")
    lookback_hours: float = Field(
        default=24.0, ge=0, le=24 * 365, description="hours that the first pass of all looks back"
    )
    settle_minutes: float = Field(
        default=60.0,
        ge=0,
        le=24 * 60,
        description="minutes that an alert waits for a card with words of the author's; 0: it never waits",
    )
    shadow_days: float = Field(
        default=7.0,
        ge=0,
        le=365,
        description="days from the first pass on in which a person judges each would-be alert before subscribers see"
        " it; 0: none",
    )
    stale_minutes: float = Field(
        default=30.0,
        gt=0,
        le=1440,
        description="minutes without a sign of progress, beyond `poll_minutes`, after which a watch counts as hung",
    )
    log_format: Annotated[Literal["auto", "json", "text"], BeforeValidator(_lower)] = Field(
        default="auto", description="`json` lines or `text`; `auto` is text on a terminal and json elsewhere"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        default="info", description="least level that is logged: `debug`, `info`, `warning` or `error`"
    )
    seed_since: AwareDatetime | None = Field(
        default=None,
        description="time from which the first pass of all stores older uploads, without alerts about them",
    )
    requests_per_pass: int = Field(
        default=6000, ge=100, description="requests after which a pass leaves the rest to the next one"
    )
    bytes_per_pass: int = Field(
        default=2_000_000_000, ge=1, description="bytes after which a pass leaves the rest to the next one"
    )
    automatic_references: bool = Field(
        default=True, description="compare new uploads with those that were read before, too"
    )
    alerts_per_hour: int = Field(
        default=20,
        ge=1,
        description="alerts that one destination gets one by one in an hour; more come in a digest, except exact ones",
    )
    max_backlog: int = Field(default=1000, ge=1, description="uploads waiting before the operator is notified")
    min_free_bytes: int = Field(
        default=1 << 30, ge=0, description="free bytes on disk below which the operator is notified"
    )
    http_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="address that `/healthz`, `/readyz`, `/metrics` and `/hooks/hub` listen on",
    )
    http_port: int = Field(default=0, ge=0, le=65535, description="their port; 0 is none at all")
    site_host: str = Field(
        default="127.0.0.1", min_length=1, description="address that the public pages are served at; docs/site.md"
    )
    site_port: int = Field(default=0, ge=0, le=65535, description="their port; 0 is none at all")
    site_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s/]+(/[^\s/]+)*)?$",
        description="address that readers see the public pages at, for links in feeds; without it links are relative",
    )
    hub_webhook_secret: SecretStr | None = Field(
        default=None, description="secret of the Hub's webhooks to `/hooks/hub`; without it there is no such page"
    )
    hook_min_seconds: float = Field(
        default=30.0, ge=1, le=3600, description="seconds between two early passes that webhooks ask for"
    )

    log_key: Annotated[Path | None, BeforeValidator(_home)] = Field(
        default=None,
        description="file of the Ed25519 key (PEM, PKCS #8) that signs the log of proofs; without it `proof.key` in"
        " the data folder, which is made at the first start",
    )
    timestamp_url: str = Field(
        default="",
        pattern=r"^(https?://.+)?$",
        description="address of an RFC 3161 time server for the log of proofs; it needs the extra `timestamps`;"
        " empty: none is asked",
    )

    inference_endpoints: tuple[Endpoint, ...] = Field(
        default=(), description="OpenAI-compatible servers that may be asked: a list of {url, model?, key_file?}"
    )
    inference_providers: bool = Field(
        default=False, description="allow requests to the Hub's inference providers with HF_TOKEN, which cost money"
    )
    inference_router: str = Field(default=ROUTER, description="address of the inference providers' router")
    inference_budget: Budget = Field(default=Budget(), description="limits on asking; see docs/identity.md")
    identity_follow_ups: bool = Field(
        default=False,
        description="post the names that a case's model calls itself as a follow-up of its alert",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources: values given by name, then the environment; `gather` finds the rest."""
        return init_settings, _Environment(settings_cls)

    @property
    def registry_paths(self) -> list[Path]:
        """Return the registry's files and folders."""
        return [Path(part).expanduser() for part in self.registry.split(os.pathsep) if part]

    @property
    def database(self) -> Path:
        """Return the file of the database."""
        return self.data / "blendwatch.sqlite"

    @property
    def has_database(self) -> bool:
        """Return True if a database is set by URL or its file exists."""
        return self.database_url is not None or self.database.exists()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return every secret that is set, so that logs can hide it."""
        own = [value.get_secret_value() for _, value in self if isinstance(value, SecretStr)]
        return (*own, *(secret for channel in self.channels for secret in channel.secrets))

    @classmethod
    def names(cls) -> Names:
        """Return the names of the settings in the file and environment, and the secret ones."""
        variables = {n: n.upper() if n in AS_EVERYWHERE else PREFIX + n.upper() for n in cls.model_fields}
        secret = frozenset(n for n, f in cls.model_fields.items() if f.annotation == (SecretStr | None))
        return Names(PREFIX, variables, secret)

    @classmethod
    def with_defaults_for(cls, wrong: set[str], values: dict[str, Any]) -> Self:
        """Return the settings of `values` and the environment, with defaults instead of the wrong ones."""
        kept = {name: value for name, value in values.items() if name not in wrong}
        fields = cls.model_fields
        return cls(**kept, **{name: fields[name].get_default(call_default_factory=True) for name in wrong})


def read_settings(kind: type[Settings] = Settings) -> tuple[Settings, Given, tuple[str, ...]]:
    """Return the settings, their places, and a sentence for every wrong one, which gets its default."""
    given = gather(os.environ, kind.names())
    wrong, problems = set(given.wrong), list(given.problems)
    try:
        return kind.with_defaults_for(wrong, given.values), given, tuple(problems)
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False):
            name = str(detail["loc"][0])
            wrong.add(name)
            inside = "".join(f"{part}: " for part in detail["loc"][1:])
            problems.append(f"{given.places.get(name, name)}: {inside}{in_words(detail)}")
    return kind.with_defaults_for(wrong, given.values), given, tuple(problems)


def load_settings() -> Settings:
    """Read the file, the environment and the files of secrets; SettingsError names everything that is wrong."""
    settings, _, problems = read_settings()
    if problems:
        raise SettingsError(problems)
    return settings
