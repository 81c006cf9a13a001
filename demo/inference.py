"""An OpenAI-compatible inference server on the loopback interface, with a script for a model and its faults.

`speak` gives the answers; `fault` sets what goes wrong with each request. Tokens are counted as words and signs.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from jinja2.sandbox import ImmutableSandboxedEnvironment

PLAIN = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_TOKEN = re.compile(r"<\|\w+\|>|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; `prompt` is the text that the model continues."""

    path: str
    body: dict[str, Any]
    authorization: str | None
    cookie: str | None
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class InferenceFault:
    """Fault of a request: a status, a body in place of the answer, or a body of `drip` slow bytes."""

    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    drip: int = 0


Speak = Callable[[str, float, int], str]  # prompt, temperature, seed: the answer


class LoopbackInference:
    """Serve one model at `url` (which ends with /v1) while the context is open.

    `template`: the chat template it applies. `completions`: whether raw text may be gone on with; "framed" if it puts
    the template around that too. `override`: whether a request may bring a template; "refused" if that is an error.
    """

    def __init__(
        self,
        speak: Speak,
        *,
        name: str = "org/model",
        template: str = PLAIN,
        completions: bool | str = True,
        override: bool | str = False,
        usage: bool = True,
    ) -> None:
        self.speak, self.name, self.template = speak, name, template
        self.completions, self.override, self.usage = completions, override, usage
        self.fault: Callable[[Asked], InferenceFault | None] | None = None
        self.log: list[Asked] = []
        self.url = ""
        self._jinja = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback-inference", daemon=True)
        self._runner: web.AppRunner | None = None

    def __enter__(self) -> LoopbackInference:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/completions", self._complete)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def _stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.StreamResponse:
        rows = [{"id": self.name, "object": "model"}]
        return await self._faulty(request, {}, "") or web.json_response({"object": "list", "data": rows})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        given = body.get("chat_template")
        if given is not None and self.override == "refused":
            return web.json_response({"error": {"message": "untrusted chat template"}}, status=400)
        template = given if given is not None and self.override else self.template
        prompt = self._render(template, body["messages"])
        text = self.speak(prompt, float(body.get("temperature", 1.0)), int(body.get("seed", 0)))
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return await self._faulty(request, body, prompt) or self._answer("chat.completion", choice, prompt, text)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not self.completions:
            return web.json_response({"error": {"message": "not found"}}, status=404)
        prompt = str(body["prompt"])
        if self.completions == "framed":
            prompt = self._render(self.template, [{"role": "user", "content": prompt}])
        text = self.speak(prompt, float(body.get("temperature", 1.0)), int(body.get("seed", 0)))
        choice = {"index": 0, "text": text, "finish_reason": "stop"}
        return await self._faulty(request, body, prompt) or self._answer("text_completion", choice, prompt, text)

    def _render(self, template: str, messages: list[dict[str, str]]) -> str:
        return self._jinja.from_string(template).render(messages=messages, add_generation_prompt=True)

    def _answer(self, kind: str, choice: dict[str, Any], prompt: str, text: str) -> web.Response:
        row: dict[str, Any] = {"id": "1", "object": kind, "created": 1, "model": self.name, "choices": [choice]}
        if self.usage:
            counts = len(_TOKEN.findall(prompt)), len(_TOKEN.findall(text))
            row["usage"] = {"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": sum(counts)}
        return web.json_response(row)

    async def _faulty(self, request: web.Request, body: dict[str, Any], prompt: str) -> web.StreamResponse | None:
        """Record the request; answer it if a fault is due."""
        headers = request.headers
        asked = Asked(request.path, body, headers.get("Authorization"), headers.get("Cookie"), prompt)
        self.log.append(asked)
        trouble = self.fault(asked) if self.fault else None
        if trouble is None:
            return None
        if not trouble.drip:
            content = trouble.body if trouble.body is not None else json.dumps({"error": "planted"}).encode()
            return web.Response(status=trouble.status, body=content, headers=trouble.headers)
        answer = web.StreamResponse(status=trouble.status, headers=trouble.headers)
        await answer.prepare(request)
        for _ in range(trouble.drip):
            await answer.write(b" ")
            await asyncio.sleep(0.02)
        return answer
