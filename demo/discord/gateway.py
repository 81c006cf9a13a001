"""Gateway of the loopback Discord: a bot connects, identifies, receives events, and may resume."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from demo.discord.world import APPLICATION_ID, BOT_ID, BOT_TOKEN, Json, World, snowflake, user

PATH: Final = "/gateway/"
DISPATCH, HEARTBEAT, IDENTIFY, RESUME, INVALID, HELLO, HEARTBEAT_ACK = 0, 1, 2, 6, 9, 10, 11
NOT_AUTHENTICATED, GOING_AWAY = 4004, 4000


@dataclass(slots=True)
class Session:
    """One bot's session, which outlives its connections."""

    id: str
    events: list[Json] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None


@dataclass(slots=True)
class Gateway:
    """All sessions. Only the server's own thread uses it."""

    world: World
    url: str = ""
    sessions: dict[str, Session] = field(default_factory=dict)
    intents: list[int] = field(default_factory=list)  # of every identification
    resumes: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection, from hello to its end."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"op": HELLO, "d": {"heartbeat_interval": 41250}, "s": None, "t": None}))
        session: Session | None = None
        async for frame in socket:
            if frame.type != WSMsgType.TEXT:
                break
            said = json.loads(frame.data)
            if said["op"] == HEARTBEAT:
                await socket.send_str(json.dumps({"op": HEARTBEAT_ACK, "d": None}))
            elif said["op"] in {IDENTIFY, RESUME}:
                if said["d"]["token"] != BOT_TOKEN:
                    await socket.close(code=NOT_AUTHENTICATED)
                    break
                session = await (self._identify if said["op"] == IDENTIFY else self._resume)(socket, said["d"])
        if session is not None and session.socket is socket:
            session.socket = None
        if not any(s.socket for s in self.sessions.values()):
            self.ready.clear()
        return socket

    async def dispatch(self, name: str, data: Json) -> None:
        """Send an event to every session; one without a connection receives it when it resumes."""
        for session in self.sessions.values():
            await self._send(session, name, data)

    async def drop(self, *, forget: bool = False) -> None:
        """Close every connection; with `forget`, the sessions cannot be resumed."""
        self.ready.clear()
        open_ones = [s.socket for s in self.sessions.values() if s.socket]
        for session in self.sessions.values():
            session.socket = None
        if forget:
            self.sessions.clear()
        for socket in open_ones:
            await socket.close(code=WSCloseCode.SERVICE_RESTART if forget else GOING_AWAY)

    async def _identify(self, socket: web.WebSocketResponse, said: Json) -> Session:
        self.intents.append(int(said["intents"]))
        session = Session(snowflake(), socket=socket)
        self.sessions = {session.id: session}  # one bot has one session here
        ready = {
            "v": 10,
            "user": user(BOT_ID, "blendwatch", bot=True),
            "guilds": [{"id": guild_id, "unavailable": True} for guild_id in self.world.guilds],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "application": {"id": APPLICATION_ID, "flags": 0},
        }
        await self._send(session, "READY", ready)
        for guild_id in self.world.guilds:
            await self._send(session, "GUILD_CREATE", self.world.guild_payload(guild_id))
        self.ready.set()
        return session

    async def _resume(self, socket: web.WebSocketResponse, said: Json) -> Session | None:
        session = self.sessions.get(said["session_id"])
        if session is None:
            await socket.send_str(json.dumps({"op": INVALID, "d": False}))
            return None
        self.resumes += 1
        session.socket = socket
        for event in session.events[int(said["seq"]) :]:
            await socket.send_str(json.dumps(event))
        await self._send(session, "RESUMED", {})
        self.ready.set()
        return session

    async def _send(self, session: Session, name: str, data: Json) -> None:
        event = {"op": DISPATCH, "d": data, "s": len(session.events) + 1, "t": name}
        session.events.append(event)
        if session.socket is not None and not session.socket.closed:
            await session.socket.send_str(json.dumps(event))
