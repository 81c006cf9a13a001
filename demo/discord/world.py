"""State of the loopback Discord: servers, channels, messages, commands and replies to members."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

BOT_TOKEN: Final = "loopback.bot.token-" + "0123456789abcdef" * 3
APPLICATION_ID: Final = "100200300400500700"
BOT_ID: Final = "100200300400500701"
DISCORD_EPOCH_MS: Final = 1_420_070_400_000
TEXT, ANNOUNCEMENT, PUBLIC_THREAD = 0, 5, 11
HAS_THREAD, CROSSPOSTED, EPHEMERAL = 1 << 5, 1 << 0, 1 << 6

Json = dict[str, Any]
FILES: Final = web.AppKey("files", dict[str, bytes])  # sent files, by their addresses
_counter: Iterator[int] = itertools.count(1)


def snowflake() -> str:
    """Return a new id that holds its time, like Discord's."""
    return str(((int(time.time() * 1000) - DISCORD_EPOCH_MS) << 22) + next(_counter) % (1 << 22))


@dataclass(slots=True)
class Faults:
    """Faults to come. Each request that a fault spoils lowers its count."""

    rate_limits: int = 0  # 429 that name a time to wait, which the client waits by itself
    bans: int = 0  # 429 from the network in front of Discord, which the client hands on
    retry_after: float = 0.1  # seconds named in either
    server_errors: int = 0  # 500
    drops: int = 0  # the message is kept and the connection closed without an answer
    html: int = 0  # answers of some other program
    unknown_webhook: bool = False  # 404, as after someone deleted the webhook
    stalled: bool = False  # no answer at all
    slow: float = 0.0  # seconds between keeping a message and the answer


@dataclass(slots=True)
class Channel:
    """A channel or thread with its messages, the oldest first."""

    id: str
    guild_id: str
    name: str
    kind: int = TEXT
    parent_id: str | None = None
    messages: list[Json] = field(default_factory=list)
    forbidden: bool = False  # the bot may not post here
    nonces: dict[str, tuple[float, Json]] = field(default_factory=dict)

    def payload(self) -> Json:
        """Return Discord's description of it."""
        shown = {"id": self.id, "type": self.kind, "guild_id": self.guild_id, "name": self.name, "position": 0}
        if self.kind == PUBLIC_THREAD:
            now = datetime.now(UTC).isoformat()
            meta = {"archived": False, "auto_archive_duration": 1440, "archive_timestamp": now, "locked": False}
            shown |= {"owner_id": BOT_ID, "message_count": 0, "member_count": 1, "thread_metadata": meta}
        return shown | {"parent_id": self.parent_id, "permission_overwrites": [], "permissions": str(1 << 52)}

    def find(self, message_id: str) -> Json | None:
        """Return one message."""
        return next((message for message in self.messages if message["id"] == message_id), None)


@dataclass(slots=True)
class Reply:
    """The bot's replies to one act of a member."""

    interaction_id: str
    channel_id: str
    callbacks: list[Json] = field(default_factory=list)
    message: Json | None = None  # the answer in its present state
    states: list[Json] = field(default_factory=list)  # every state that the answer went through
    followups: list[Json] = field(default_factory=list)
    clicked: Json | None = None  # the message that the button is on

    @property
    def kind(self) -> int:
        """Return the type of the first reply; 0 if there was none."""
        return int(self.callbacks[0]["type"]) if self.callbacks else 0

    @property
    def data(self) -> Json:
        """Return the content of the first reply: choices, a form, or a message."""
        return dict(self.callbacks[0].get("data") or {})

    @property
    def text(self) -> str:
        """Everything that the answer says."""
        return str((self.message or {}).get("content", "")) + str((self.message or {}).get("embeds", ""))


@dataclass(slots=True)
class World:
    """State of the server. Only the server's own thread changes it."""

    guilds: dict[str, Json] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    commands: list[Json] = field(default_factory=list)
    syncs: int = 0
    replies: dict[str, Reply] = field(default_factory=dict)  # by the interaction's token
    nonce_seconds: float = 300.0  # lifetime of a nonce
    files: dict[str, bytes] = field(default_factory=dict)  # sent files, by their addresses
    posted: int = 0  # messages that were kept
    refused_copies: int = 0  # messages that a nonce showed to be there already

    def guild(self, name: str, roles: Mapping[str, str] | None = None) -> str:
        """Add a server; `roles` by id. Returns its id."""
        guild_id = snowflake()
        everyone = {guild_id: "@everyone"} | dict(roles or {})
        self.guilds[guild_id] = {"id": guild_id, "name": name, "roles": [_role(i, n) for i, n in everyone.items()]}
        return guild_id

    def channel(self, guild_id: str, name: str, kind: int = TEXT) -> Channel:
        """Add a channel."""
        made = Channel(snowflake(), guild_id, name, kind)
        self.channels[made.id] = made
        return made

    def thread(self, channel: Channel, message: Json, name: str) -> Channel:
        """Start a thread under a message; its id is the message's."""
        made = Channel(message["id"], channel.guild_id, name, PUBLIC_THREAD, channel.id)
        self.channels[made.id] = made
        message["flags"] |= HAS_THREAD
        message["thread"] = made.payload()
        return made

    def guild_payload(self, guild_id: str) -> Json:
        """Return a server as the gateway describes it."""
        channels = [c.payload() for c in self.channels.values() if c.guild_id == guild_id and c.kind != PUBLIC_THREAD]
        return self.guilds[guild_id] | {
            "owner_id": BOT_ID,
            "unavailable": False,
            "member_count": 2,
            "large": False,
            "channels": channels,
            "threads": [],
            "members": [member(BOT_ID, "blendwatch")],
            "preferred_locale": "en-US",
            "features": [],
            "emojis": [],
            "stickers": [],
        }

    def keep(self, channel: Channel, payload: Json) -> Json:
        """Post a message as the bot; the same nonce soon after gives the same message."""
        nonce, now = str(payload.get("nonce") or ""), time.monotonic()
        if payload.get("enforce_nonce") and nonce in channel.nonces:
            at, message = channel.nonces[nonce]
            if now - at < self.nonce_seconds:
                self.refused_copies += 1
                return message
        message = bot_message(channel.id, payload)
        self.posted += 1
        channel.messages.append(message)
        if nonce:
            channel.nonces[nonce] = (now, message)
        return message


def _role(role_id: str, name: str) -> Json:
    colours = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    plain = {"color": 0, "colors": colours, "hoist": False, "position": 0, "permissions": str(1 << 11), "flags": 0}
    return {"id": role_id, "name": name, "managed": False, "mentionable": False, **plain}


def user(user_id: str, name: str, *, bot: bool = False) -> Json:
    """Return a user as Discord describes one."""
    return {"id": user_id, "username": name, "discriminator": "0", "avatar": None, "global_name": name, "bot": bot}


def member(user_id: str, name: str, permissions: int = 0) -> Json:
    """Return a member of a server as Discord describes one."""
    joined = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    plain = {"roles": [], "joined_at": joined, "deaf": False, "mute": False, "flags": 0}
    return {"user": user(user_id, name, bot=user_id == BOT_ID), "permissions": str(permissions), **plain}


def bot_message(channel_id: str, payload: Mapping[str, Any]) -> Json:
    """Return a message of the bot as Discord describes it to its author."""
    given = {name: payload[name] for name in ("nonce", "message_reference") if payload.get(name) is not None}
    return given | {
        "id": snowflake(),
        "type": 0,
        "channel_id": channel_id,
        "author": user(BOT_ID, "blendwatch", bot=True),
        "content": payload.get("content") or "",
        "embeds": payload.get("embeds") or [],
        "components": payload.get("components") or [],
        "attachments": payload.get("attachments") or [],
        "allowed_mentions": payload.get("allowed_mentions"),
        "timestamp": datetime.now(UTC).isoformat(),
        "edited_timestamp": None,
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "flags": payload.get("flags") or 0,
    }
