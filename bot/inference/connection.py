"""A connection to one inference server, bounded in size and time; its key goes to that server only.

Chats go through the Hub's client library. Raw completions and the list of models, which it lacks, go through the same
HTTP client. While a connection is open, the library uses that client everywhere in the process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from huggingface_hub import InferenceClient, get_session, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError
from huggingface_hub.utils import _http as library

from analyzers.errors import BlendwatchError
from bot.hub.http.deadlines import Deadline, Overdue
from bot.hub.http.hosts import Hosts
from bot.hub.http.hub_client import httpx  # this import turns the library's telemetry off
from bot.text.sanitize import string

MAX_ANSWER_BYTES = 1 << 20
TIMEOUT = 60.0  # seconds without a byte
PATIENCE = 3  # timeouts in which an answer must be complete, however steadily it drips
KEPT_HEADERS = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding", "retry-after"})
WORTH_ANOTHER_TRY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})

Message = Mapping[str, str]


class InferenceError(BlendwatchError):
    """No answer; of the server's words the text holds only its status. `again`: True if a retry may succeed."""

    def __init__(self, message: str, *, again: bool, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.again, self.status, self.retry_after = again, status, retry_after


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer, an untrusted text; tokens by the server's count, None if not given."""

    text: str
    prompt_tokens: int | None
    tokens: int | None  # of prompt and answer


class Connection:
    """A context manager; safe in threads. One is open at a time in a process.

    `base`: the address up to and with "/v1". `timeout`: seconds without a byte. `clock`: seconds, for tests.
    """

    def __init__(
        self, base: str, key: str | None, *, timeout: float = TIMEOUT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._base = base
        self._hosts = Hosts.of(base)
        self._key = key
        self._timeout = timeout
        self._deadline = Deadline(clock, PATIENCE * timeout)
        self._before: Any = None
        # Without a key, the library would take the Hub's from the disk; the hook below removes this one.
        self._chat = InferenceClient(base_url=base, api_key=key or "none", timeout=timeout)

    def __repr__(self) -> str:
        return f"Connection({self._base!r})"

    def __enter__(self) -> Connection:
        self._before = library._GLOBAL_CLIENT_FACTORY  # an open Hub has set its own
        set_client_factory(self._client)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        set_client_factory(self._before)

    def chat(self, messages: Sequence[Message], model: str, options: Mapping[str, Any]) -> Completion:
        """Return the answer to a conversation; raises InferenceError."""
        given = dict(options)
        known = {name: given.pop(name) for name in ("max_tokens", "temperature", "seed") if name in given}
        with self._plain_errors():
            answer = self._chat.chat_completion([dict(m) for m in messages], model=model, extra_body=given, **known)
            message = answer.choices[0].message
            return _said(message.content, answer.usage)

    def complete(self, prompt: str, model: str, options: Mapping[str, Any]) -> Completion:
        """Return the continuation of a text, without a template; raises InferenceError."""
        answer = self._asked("POST", "/completions", {"model": model, "prompt": prompt, **options})
        with self._plain_errors():
            return _said(answer["choices"][0]["text"], answer.get("usage"))

    def models(self) -> tuple[str, ...]:
        """Return the names of the models that the server offers; raises InferenceError."""
        answer = self._asked("GET", "/models", None)
        with self._plain_errors():
            return tuple(name for row in answer["data"] if (name := string(row.get("id"))))

    def get(self, path: str) -> Any:
        """Return the JSON at a path below the base; raises InferenceError."""
        return self._asked("GET", path, None)

    def _asked(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        with self._plain_errors():
            response = get_session().request(method, self._base + path, json=body, timeout=self._timeout)
            if response.status_code != 200:
                raise self._refused(response)
            return response.json()

    def _refused(self, response: httpx.Response) -> InferenceError:
        status, said = response.status_code, response.headers.get("Retry-After", "").strip()
        wait = float(said) if said.isdecimal() and len(said) < 9 else None
        again = status in WORTH_ANOTHER_TRY
        return InferenceError(
            f"{self._hosts.origin[1]} answered {status}", again=again, status=status, retry_after=wait
        )

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        # The library's own texts are left out: they quote the server and addresses.
        host = self._hosts.origin[1]
        try:
            yield
        except HfHubHTTPError as error:
            raise self._refused(error.response) from None
        except Overdue:
            text = f"the answer of {host} did not end in {self._deadline.seconds:g} s"
            raise InferenceError(text, again=True) from None
        except (InferenceTimeoutError, httpx.TimeoutException):
            raise InferenceError(f"{host} did not answer in {self._timeout:g} s", again=True) from None
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise InferenceError(f"the connection to {host} failed ({type(error).__name__})", again=True) from None
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise InferenceError(f"{host} gave an answer of an unknown form", again=False) from None

    def _client(self) -> httpx.Client:
        client = httpx.Client(
            event_hooks={"request": [self._on_request], "response": [self._on_response]},
            follow_redirects=False,
            timeout=self._timeout,
            trust_env=not self._hosts.loopback,
        )
        return self._deadline.apply_to(client)

    def _on_request(self, request: httpx.Request) -> None:
        if not self._hosts.is_home(request.url):
            raise InferenceError(
                f"{request.url.host} is not asked over a connection to {self._hosts.origin[1]}", again=False
            )
        request.headers.pop("Cookie", None)
        request.headers.pop("Authorization", None)
        request.headers["Accept-Encoding"] = "identity"  # a compressed answer may have any size
        if self._key is not None:
            request.headers["Authorization"] = f"Bearer {self._key}"
        self._deadline.begin()

    def _on_response(self, response: httpx.Response) -> None:
        for name in set(response.headers) - KEPT_HEADERS:  # the library logs some and trusts some
            del response.headers[name]
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise InferenceError(f"{self._hosts.origin[1]} compressed its answer", again=False)
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Bounded(response.stream, self._hosts.origin[1])


class _Bounded(httpx.SyncByteStream):
    """A body of at most MAX_ANSWER_BYTES; more raise InferenceError."""

    def __init__(self, stream: httpx.SyncByteStream, host: str) -> None:
        self._stream, self._host = stream, host

    def __iter__(self) -> Iterator[bytes]:
        total = 0
        for part in self._stream:
            total += len(part)
            if total > MAX_ANSWER_BYTES:
                raise InferenceError(f"{self._host} gave more than {MAX_ANSWER_BYTES:,} bytes", again=False)
            yield part

    def close(self) -> None:
        self._stream.close()


def _said(text: object, usage: Any) -> Completion:
    prompt, answer = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    return Completion(string(text), prompt, prompt + answer if prompt is not None and answer is not None else None)


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else getattr(usage, name, None)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40 else None
