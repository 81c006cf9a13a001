"""Settings of channels beside Discord and the console: an Apprise address each, and the alerts that it gets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from analyzers.errors import BlendwatchError

MAX_URL_BYTES: Final = 4_096
SHORTEST_PART: Final = 6  # characters of a part of an address that logs hide
NO_SECRETS: Final = ("format", "overflow", "mode", "method")  # parameters of an address whose values are words


class ChannelError(BlendwatchError):
    """A channel's address cannot be used; the text names the channel and never the address."""


class Channel(BaseModel):
    """One place that Apprise posts to. What is left empty is not asked of an alert; see docs/channels.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$", description="what texts and the database call it")
    url: SecretStr | None = Field(default=None, description="its Apprise address, which is a secret")
    url_file: Path | None = Field(default=None, description="file that holds the address and nothing else")
    operator: bool = Field(default=False, description="news for the operator go there")
    organisation: str = Field(default="", max_length=100, description="of the upload")
    base: str = Field(default="", max_length=100, description="part of a parent's name, such as a family's")
    kind: Literal["", "blend", "copy", "derivative"] = ""
    strength: Literal["", "indicative", "strong", "exact"] = Field(default="", description="at least")
    billions: float = Field(default=0.0, ge=0, le=1e6, description="parameters of the upload, at least")

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError(f"channel {self.name} needs either url or url_file")
        return self

    def address(self) -> str:
        """Read and return its address. Raises ChannelError."""
        if self.url_file is None:
            return self.url.get_secret_value().strip() if self.url is not None else ""
        try:
            with self.url_file.expanduser().open("rb") as file:
                text = file.read(MAX_URL_BYTES + 1).decode()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ChannelError(f"the url_file of channel {self.name} cannot be read: {why}") from None
        if not text.strip() or len(text) > MAX_URL_BYTES:
            raise ChannelError(f"the url_file of channel {self.name} is empty or holds more than an address")
        return text.strip()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the address and its parts, which logs hide: a library may join them to other addresses."""
        try:
            return secret_parts(self.address())
        except ChannelError:
            return ()


def secret_parts(address: str) -> tuple[str, ...]:
    """Return an address and the parts of it that may be secret: all but its scheme and the name of a host."""
    try:
        parts = urlsplit(address)
        pairs = parse_qsl(parts.query)
    except ValueError:
        return (address,)
    user, _, host = parts.netloc.rpartition("@")
    hidden = [
        *re.split(r"[:/]", f"{user}/{parts.path}/{parts.fragment}"),
        *(v for k, v in pairs if k not in NO_SECRETS),
    ]
    if "." not in host and not host.startswith(("localhost", "[")):  # where a service has no host, a token stands there
        hidden += [host, *host.split(":")]
    shown = {address, *hidden, *map(unquote, hidden)}
    return tuple(sorted(part for part in shown if len(part) >= SHORTEST_PART))
