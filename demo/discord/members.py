"""Members of the loopback Discord: commands, clicks, forms. Each method returns the bot's reply."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from demo.discord.gateway import Gateway
from demo.discord.world import APPLICATION_ID, Channel, Json, Reply, World, member, snowflake, user

COMMAND, COMPONENT, AUTOCOMPLETE, FORM = 2, 3, 4, 5
BUTTON, TEXT_INPUT = 2, 4
EVERYTHING: Final = (1 << 53) - 1
WAIT_SECONDS: Final = 30.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on Discord. `permissions`: in the channel where they act."""

    id: str
    name: str = "somebody"
    permissions: int = EVERYTHING
    locale: str = "en-US"


ANYBODY: Final = Person("100200300400500900")


class Members:
    """Members' side of the server. Any thread except the server's own may call its methods."""

    def __init__(self, loop: asyncio.AbstractEventLoop, world: World, gateway: Gateway) -> None:
        self._loop, self._world, self._gateway = loop, world, gateway
        self._lock = threading.Lock()

    def run(self, what: Coroutine[Any, Any, _T]) -> _T:
        """Run something in the server's thread."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(WAIT_SECONDS)

    def wait_ready(self) -> None:
        """Wait until a bot is connected to the gateway."""
        self.run(asyncio.wait_for(self._gateway.ready.wait(), WAIT_SECONDS))

    def drop(self, *, forget: bool = False) -> None:
        """Break the gateway's connections."""
        self.run(self._gateway.drop(forget=forget))

    def slash(self, name: str, channel: Channel, who: Person = ANYBODY, **options: Any) -> Reply:
        """Use a command; done once the bot has answered and, where it asked for time, has given the answer."""
        return self._act(COMMAND, self._command(name, options), channel, who, _settled)

    def autocomplete(self, name: str, option: str, text: str, channel: Channel, who: Person = ANYBODY) -> list[Json]:
        """Type into an option of a command; return the choices."""
        data = self._command(name, {option: text})
        data["options"][0]["focused"] = True
        reply = self._act(AUTOCOMPLETE, data, channel, who, lambda reply: bool(reply.callbacks))
        return list(reply.data["choices"])

    def click(self, message: Json, label: str, channel: Channel, who: Person = ANYBODY) -> Reply:
        """Press the button of this label, or whose id begins like this."""
        buttons = [item for row in message["components"] for item in row["components"]]
        pressed = next(b for b in buttons if label in (b.get("label"), b.get("custom_id", "").partition(":")[0]))
        data = {"component_type": BUTTON, "custom_id": pressed["custom_id"]}
        return self._act(COMPONENT, data, channel, who, _settled, message)

    def submit(self, form: Reply, texts: Mapping[str, str], channel: Channel, who: Person = ANYBODY) -> Reply:
        """Fill in the form that a reply holds, its fields by their ids, and send it."""
        data = {"custom_id": form.data["custom_id"], "components": [_filled(r, texts) for r in form.data["components"]]}
        return self._act(FORM, data, channel, who, _settled, form.clicked)

    def _command(self, name: str, options: Mapping[str, Any]) -> Json:
        known = next(c for c in self._world.commands if c["name"] == name)
        kinds = {o["name"]: o["type"] for o in known.get("options", [])}
        given = [{"name": k, "type": kinds[k], "value": v} for k, v in options.items()]
        roles = {str(v): r for k, v in options.items() if kinds[k] == 8 for r in self._roles() if r["id"] == str(v)}
        return {"id": snowflake(), "name": name, "type": 1, "options": given, "resolved": {"roles": roles}}

    def _roles(self) -> list[Json]:
        return [role for guild in self._world.guilds.values() for role in guild["roles"]]

    def _act(
        self,
        kind: int,
        data: Json,
        channel: Channel,
        who: Person,
        done: Callable[[Reply], bool],
        message: Json | None = None,
    ) -> Reply:
        token = secrets.token_hex(16)
        reply = Reply(snowflake(), channel.id, clicked=message)
        self._world.replies[token] = reply
        event = {
            "id": reply.interaction_id,
            "application_id": APPLICATION_ID,
            "type": kind,
            "token": token,
            "version": 1,
            "data": data,
            "locale": who.locale,
            "entitlements": [],
            "attachment_size_limit": 10_000_000,
            "channel_id": channel.id,
            "channel": channel.payload(),
            "app_permissions": str(EVERYTHING),
        }
        if channel.guild_id:
            event |= {"guild_id": channel.guild_id, "guild_locale": "en-US", "context": 0}
            event |= {"member": member(who.id, who.name, who.permissions)}
            event |= {"authorizing_integration_owners": {"0": channel.guild_id}}
        else:
            event |= {"user": user(who.id, who.name), "context": 1, "authorizing_integration_owners": {"1": who.id}}
        if message is not None:
            event["message"] = {k: v for k, v in message.items() if k not in ("thread",)}
        self.run(self._gateway.dispatch("INTERACTION_CREATE", event))
        self.run(_until(lambda: done(reply)))
        return reply


def _settled(reply: Reply) -> bool:
    """Return True once the bot has replied; a deferred reply counts once it has come."""
    if not reply.callbacks:
        return False
    if reply.kind == 5:
        return bool(reply.followups) or (reply.message is not None and _final(reply.message))
    return True


def _final(message: Json) -> bool:
    """Return True for a final reply: in progress it has no embed and ends with an ellipsis."""
    text = str(message["content"])
    return bool(message["embeds"]) or (bool(text) and not text.endswith("…"))


def _filled(row: Json, texts: Mapping[str, str]) -> Json:
    inner = row["component"] if "component" in row else row["components"][0]
    filled = {"type": TEXT_INPUT, "custom_id": inner["custom_id"], "value": texts.get(inner["custom_id"], "")}
    if "component" in row:
        return {"type": row["type"], "id": 1, "component": filled | {"id": 2}}
    return {"type": 1, "components": [filled]}


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)
