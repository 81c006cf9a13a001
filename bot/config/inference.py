"""Settings of inference servers and of the budget for asking them, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from analyzers.errors import BlendwatchError

ROUTER = "https://router.huggingface.co/v1"  # of the Hub's inference providers
MAX_KEY_BYTES = 4_096


class EndpointError(BlendwatchError):
    """An endpoint's setting or key is invalid; the text names the endpoint and never the key."""


class Endpoint(BaseModel):
    """One OpenAI-compatible server. Its key goes to this origin only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="its address, such as http://127.0.0.1:8000/v1")
    model: str | None = Field(default=None, description="what it calls the model; else asked of /v1/models")
    repo_id: str | None = Field(default=None, description="whose weights these are, if the name does not say so")
    key_file: Path | None = Field(default=None, description="file that holds its key and nothing else")
    dollars_per_million: float = Field(default=0.0, ge=0, le=1e6, description="price of a million tokens")
    extra: dict[str, Any] = Field(default={}, description="more fields for each chat request of this server")

    @field_validator("url")
    @classmethod
    def _an_address(cls, url: str) -> str:
        parts = urlsplit(url.strip())
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or port == -1:
            raise ValueError("must be an http or https address without a user")
        if parts.query or parts.fragment:
            raise ValueError("must be an address without a query")
        return url.strip()

    @property
    def base(self) -> str:
        """Return the address with the API version, without a slash at the end."""
        base = self.url.rstrip("/")
        return base if base.endswith("/v1") else f"{base}/v1"

    @property
    def host(self) -> str:
        """Return host and port, for texts."""
        return urlsplit(self.url).netloc

    def key(self) -> str | None:
        """Read and return its key; None without one. Raises EndpointError."""
        if self.key_file is None:
            return None
        try:
            with self.key_file.expanduser().open("rb") as stream:
                content = stream.read(MAX_KEY_BYTES + 1)
        except OSError as error:
            raise EndpointError(f"the key of {self.host} cannot be read: {self.key_file}: {error.strerror}") from None
        return checked_key(content.decode("utf-8", errors="replace"), self.host)


def checked_key(text: str, host: str) -> str:
    """Return a key without surrounding white space; EndpointError, which does not quote it, if it is invalid."""
    key = text.strip()
    if not key or len(key) > MAX_KEY_BYTES or not key.isascii() or not key.isprintable() or " " in key:
        raise EndpointError(f"the key of {host} is empty or has a character that no key has")
    return key


class Budget(BaseModel):
    """Limits on the cost of asking; days are UTC days. Tokens are those of prompt and answer together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls_per_model: int = Field(default=400, ge=0)
    tokens_per_model: int = Field(default=250_000, ge=0)
    dollars_per_model: float = Field(default=1.0, ge=0)
    calls_per_day: int = Field(default=4_000, ge=0)
    tokens_per_day: int = Field(default=2_500_000, ge=0)
    dollars_per_day: float = Field(default=5.0, ge=0)
    seconds_per_model: float = Field(default=900.0, gt=0, le=86_400)
    provider_dollars_per_million: float = Field(default=5.0, ge=0, description="what a provider's token may cost")
