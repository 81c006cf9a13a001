"""Settings from the environment: BLENDWATCH_... for our own, HF_ENDPOINT and HF_TOKEN as everywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from analyzers.errors import BlendwatchError
from state.registry import SHIPPED


class SettingsError(BlendwatchError):
    """The environment holds a setting that cannot be; the text names each."""


def _data() -> Path:
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "blendwatch"


class Settings(BaseSettings):
    """What an operator can set; every name with BLENDWATCH_ before it, in upper case."""

    model_config = SettingsConfigDict(env_prefix="BLENDWATCH_", extra="ignore", frozen=True)

    data: Path = Field(default_factory=_data, description="folder for the database and the sketches")
    registry: str = Field(
        default=str(SHIPPED), description=f"files or folders of known models, joined by {os.pathsep!r}"
    )
    discord_webhook: SecretStr | None = Field(default=None, description="address of the Discord webhook for alerts")
    discord_token: SecretStr | None = Field(default=None, description="token of the Discord bot")
    review_channel: int | None = Field(default=None, ge=1, description="id of the channel that reviews findings first")
    review: Literal["all", "inexact"] = Field(default="all", description="which findings reviewers see first")
    reviewers: int = Field(default=1, ge=1, le=2, description="reviewers who must agree before a case is published")
    review_hours: float = Field(default=24.0, gt=0, le=24 * 30, description="hours until an unseen case is said again")
    discord_api_base: str | None = Field(default=None, description="another Discord, for tests and the demo")
    min_parameters: int = Field(default=3_000_000_000, ge=0, description="parameters from which an upload is large")
    min_bytes: int = Field(default=6_000_000_000, ge=0, description="bytes of weights from which an upload is large")
    poll_minutes: float = Field(default=10.0, gt=0, le=1440, description="minutes between two looks at the Hub")
    lookback_hours: float = Field(default=24.0, ge=0, le=24 * 365, description="how far the first pass looks back")

    @property
    def registry_paths(self) -> list[Path]:
        """The registry's files and folders."""
        return [Path(part).expanduser() for part in self.registry.split(os.pathsep) if part]


def load_settings() -> Settings:
    """Read the environment; SettingsError names every setting that is wrong, never a secret."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"BLENDWATCH_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
        raise SettingsError("; ".join(wrong)) from None
