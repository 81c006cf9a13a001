"""HTTP interface of the loopback Discord for bots: channels, messages, threads, commands, replies to members."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from demo.discord.limits import choices_refused, commands_refused, form_refused, refused
from demo.discord.world import (
    ANNOUNCEMENT,
    APPLICATION_ID,
    BOT_ID,
    BOT_TOKEN,
    CROSSPOSTED,
    EPHEMERAL,
    FILES,
    HAS_THREAD,
    PUBLIC_THREAD,
    Channel,
    Faults,
    Json,
    Reply,
    World,
    bot_message,
    snowflake,
    user,
)

API: Final = "/api/v10"
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, MISSING_ACCESS, THREAD_EXISTS, WRONG_CHANNEL = 10003, 10008, 50001, 160004, 50024
MESSAGE, DEFER_MESSAGE, DEFER_UPDATE, UPDATE, CHOICES, FORM = 4, 5, 6, 7, 8, 9

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return JSON in the only form that Discord's client parses: this exact type, no charset."""
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json", headers=headers)


def refuse(status: int, code: int, message: str) -> web.Response:
    """Return an error in Discord's form."""
    return answer({"message": message, "code": code}, status)


class BotInterface:
    """Handlers over one world. `spoil` gives the answer of a fault, if one is due."""

    def __init__(
        self, world: World, faults: Faults, spoil: Callable[[web.Request], Awaitable[web.Response | None]]
    ) -> None:
        self.world = world
        self.faults = faults
        self.requests = 0
        self._spoil = spoil

    def routes(self) -> list[web.RouteDef]:
        """Return every route that Discord's client uses here."""
        message = "/channels/{channel}/messages/{message}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/users/@me", self._me),
            ("GET", "/oauth2/applications/@me", self._application),
            ("PUT", f"/applications/{APPLICATION_ID}/commands", self._sync),
            ("GET", "/channels/{channel}", self._channel),
            ("GET", "/channels/{channel}/messages", self._history),
            ("POST", "/channels/{channel}/messages", self._post),
            ("GET", message, self._message),
            ("PATCH", message, self._edit),
            ("POST", f"{message}/threads", self._thread),
            ("POST", f"{message}/crosspost", self._crosspost),
            ("POST", "/interactions/{id}/{token}/callback", self._callback),
            ("GET", f"/webhooks/{APPLICATION_ID}/{{token}}/messages/@original", self._original),
            ("PATCH", f"/webhooks/{APPLICATION_ID}/{{token}}/messages/@original", self._edit_original),
            ("POST", f"/webhooks/{APPLICATION_ID}/{{token}}", self._follow_up),
        ]
        return [web.route(method, API + path, self._guarded(path, handler)) for method, path, handler in table]

    def _guarded(self, path: str, handler: Handler) -> Handler:
        """Ask for the bot's token, as Discord does, and let faults happen."""
        open_to_all = path.startswith(("/interactions", "/webhooks"))  # their own token is in the address

        async def guarded(request: web.Request) -> web.StreamResponse:
            self.requests += 1
            if not open_to_all and request.headers.get("Authorization") != f"Bot {BOT_TOKEN}":
                return refuse(401, 0, "401: Unauthorized")
            spoiled = None if open_to_all else await self._spoil(request)
            if spoiled is not None:
                return spoiled
            channel = self.world.channels.get(request.match_info.get("channel", ""))
            if "channel" in request.match_info and channel is None:
                return refuse(404, UNKNOWN_CHANNEL, "Unknown Channel")
            if channel is not None and channel.forbidden:
                return refuse(403, MISSING_ACCESS, "Missing Access")
            return await handler(request)

        return guarded

    # -- the bot itself ----------------------------------------------------------------------------------------

    async def _me(self, _: web.Request) -> web.Response:
        return answer(
            user(BOT_ID, "blendwatch", bot=True) | {"mfa_enabled": False, "verified": True, "locale": "en-US"}
        )

    async def _application(self, _: web.Request) -> web.Response:
        shown: Json = {"id": APPLICATION_ID, "name": "blendwatch", "description": "", "icon": None, "flags": 0}
        shown |= {"owner": user("100200300400500702", "operator"), "rpc_origins": []}
        return answer(shown | {"summary": "", "verify_key": "", "bot_public": True, "bot_require_code_grant": False})

    async def _sync(self, request: web.Request) -> web.Response:
        commands: list[Json] = await request.json()
        wrong = commands_refused(commands)
        if wrong is not None:
            return answer(wrong, 400)
        self.world.syncs += 1
        extra = {"application_id": APPLICATION_ID, "version": "1"}
        self.world.commands = [{"default_member_permissions": None, "nsfw": False, "type": 1} | c for c in commands]
        return answer([c | extra | {"id": snowflake()} for c in self.world.commands])

    # -- channels and messages ---------------------------------------------------------------------------------

    def _at(self, request: web.Request) -> Channel:
        return self.world.channels[request.match_info["channel"]]

    async def _channel(self, request: web.Request) -> web.Response:
        return answer(self._at(request).payload())

    async def _history(self, request: web.Request) -> web.Response:
        asked, found = request.query, list(self._at(request).messages)
        if "after" in asked:
            found = [m for m in found if int(m["id"]) > int(asked["after"])][: int(asked.get("limit", 50))]
        else:
            before = int(asked.get("before", 1 << 63))
            found = [m for m in found if int(m["id"]) < before][-int(asked.get("limit", 50)) :]
        return answer(found[::-1])

    async def _post(self, request: web.Request) -> web.Response:
        payload, files = await body_of(request)
        wrong = refused(payload, files)
        if wrong is not None:
            return answer(wrong, 400)
        message = self.world.keep(self._at(request), payload)
        if self.faults.drops and request.transport is not None:
            self.faults.drops -= 1
            request.transport.close()
        return answer(message)

    async def _message(self, request: web.Request) -> web.Response:
        message = self._at(request).find(request.match_info["message"])
        return answer(message) if message else refuse(404, UNKNOWN_MESSAGE, "Unknown Message")

    async def _edit(self, request: web.Request) -> web.Response:
        message = self._at(request).find(request.match_info["message"])
        if message is None:
            return refuse(404, UNKNOWN_MESSAGE, "Unknown Message")
        return await _edited(message, request)

    async def _thread(self, request: web.Request) -> web.Response:
        channel, body = self._at(request), await request.json()
        message = channel.find(request.match_info["message"])
        if message is None:
            return refuse(404, UNKNOWN_MESSAGE, "Unknown Message")
        if channel.kind == PUBLIC_THREAD:
            return refuse(400, WRONG_CHANNEL, "Cannot execute action on this channel type")
        if message["flags"] & HAS_THREAD:
            return refuse(400, THREAD_EXISTS, "A thread has already been created for this message")
        return answer(self.world.thread(channel, message, body["name"]).payload(), 201)

    async def _crosspost(self, request: web.Request) -> web.Response:
        channel = self._at(request)
        message = channel.find(request.match_info["message"])
        if message is None or channel.kind != ANNOUNCEMENT:
            return refuse(400, WRONG_CHANNEL, "Cannot execute action on this channel type")
        message["flags"] |= CROSSPOSTED
        return answer(message)

    # -- answers to what members did ---------------------------------------------------------------------------

    async def _callback(self, request: web.Request) -> web.Response:
        reply = self.world.replies.get(request.match_info["token"])
        if reply is None:
            return refuse(404, 10062, "Unknown interaction")
        if reply.callbacks:
            return refuse(400, 40060, "Interaction has already been acknowledged.")
        body, files = await body_of(request)
        data = body.get("data") or {}
        if int(body["type"]) == UPDATE and reply.clicked is not None:  # the message keeps its own attachments
            files += [a["filename"] for a in reply.clicked["attachments"]]
        wrong = _callback_refused(int(body["type"]), data, files)
        if wrong is not None:
            return answer(wrong, 400)
        reply.callbacks.append(body)
        return answer(_taken(reply, int(body["type"]), data))

    async def _original(self, request: web.Request) -> web.Response:
        return answer(self.world.replies[request.match_info["token"]].message)

    async def _edit_original(self, request: web.Request) -> web.Response:
        reply = self.world.replies.get(request.match_info["token"])
        if reply is None or reply.message is None:
            return refuse(404, UNKNOWN_MESSAGE, "Unknown Message")
        done = await _edited(reply.message, request)
        reply.states.append(dict(reply.message))
        return done

    async def _follow_up(self, request: web.Request) -> web.Response:
        reply = self.world.replies[request.match_info["token"]]
        payload, files = await body_of(request)
        wrong = refused(payload, files)
        if wrong is not None:
            return answer(wrong, 400)
        message = bot_message(reply.channel_id, payload)
        reply.followups.append(message)
        return answer(message)


def _callback_refused(kind: int, data: Mapping[str, Any], files: list[str]) -> Json | None:
    if kind == CHOICES:
        return choices_refused(data["choices"])
    if kind == FORM:
        return form_refused(data)
    return refused(data, files) if kind in {MESSAGE, UPDATE} else None


def _taken(reply: Reply, kind: int, data: Json) -> Json:
    """Apply a reply; return Discord's response to it."""
    shown: Json = {"id": reply.interaction_id, "type": 2, "response_message_loading": kind == DEFER_MESSAGE}
    resource: Json = {"type": kind}
    if kind in {MESSAGE, DEFER_MESSAGE}:
        reply.message = bot_message(reply.channel_id, data)
        reply.states.append(dict(reply.message))
    elif kind == UPDATE and reply.clicked is not None:
        reply.clicked.update({name: data[name] for name in ("content", "embeds", "components") if name in data})
        reply.message = reply.clicked
    elif kind == DEFER_UPDATE:
        reply.message = reply.clicked
    if reply.message is not None and kind in {MESSAGE, DEFER_MESSAGE, UPDATE}:
        resource["message"] = reply.message
        shown["response_message_id"] = reply.message["id"]
        shown["response_message_ephemeral"] = bool(int(data.get("flags") or 0) & EPHEMERAL)
    return {"interaction": shown, "resource": resource}


async def _edited(message: Json, request: web.Request) -> web.Response:
    payload, files = await body_of(request)
    kept = [a["filename"] for a in payload.get("attachments") or message["attachments"] if "filename" in a]
    kept += [a["filename"] for a in message["attachments"]]
    wrong = refused({"content": message["content"], "embeds": message["embeds"]} | payload, files + kept)
    if wrong is not None:
        return answer(wrong, 400)
    changed: Json = {name: payload[name] for name in ("content", "embeds", "components", "flags") if name in payload}
    if "attachments" in payload:
        known = {a["id"]: a for a in message["attachments"]}
        changed["attachments"] = [known.get(str(a["id"]), a) for a in payload["attachments"]]
    message.update({k: v if v is not None else "" for k, v in changed.items()})
    message["edited_timestamp"] = datetime.now(UTC).isoformat()
    return answer(message)


async def body_of(request: web.Request) -> tuple[Json, list[str]]:
    """Return the JSON of a request, sent files included as attachments, and the files' names."""
    if not request.content_type.startswith("multipart/"):
        plain: Json = await request.json()
        return plain, []
    form = await request.post()
    body: Json = json.loads(str(form["payload_json"]))
    inner = body["data"] if "type" in body and "data" in body else body
    given = {int(a["id"]): a for a in inner.get("attachments") or [] if str(a.get("id", "")).isdigit()}
    attachments, names = [], []
    for key, part in form.items():
        if isinstance(part, web.FileField):
            number = int(key.removeprefix("files[").removesuffix("]"))
            data = part.file.read()
            file_id = snowflake()
            url = f"https://cdn.example/{file_id}/{part.filename}"
            request.app[FILES][url] = data
            shown = {"id": file_id, "filename": part.filename, "size": len(data), "url": url, "proxy_url": url}
            shown["content_type"] = part.content_type
            shown["description"] = given.get(number, {}).get("description")
            attachments.append(shown)
            names.append(part.filename)
    inner["attachments"] = attachments
    return body, names
