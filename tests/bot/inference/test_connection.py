"""One line to one server: whatever comes back is an answer or one clear error, and the key goes nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from huggingface_hub import get_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.inference.connection import Completion, Connection, InferenceError
from demo.hub.faults import Fault, always
from demo.hub.server import LoopbackHub
from demo.inference import InferenceFault, LoopbackInference
from tests.bot.inference.stage import Watch

KEYS = st.sampled_from(
    [
        "choices",
        "message",
        "content",
        "text",
        "usage",
        "prompt_tokens",
        "completion_tokens",
        "data",
        "id",
        "error",
        "errors",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("I am Nex.")
JSON = st.recursive(LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=4), max_leaves=12)
SHAPED = JSON | st.builds(lambda v: {"choices": [{"message": {"content": v}, "text": v}], "data": [{"id": v}]}, JSON)
USER = [{"role": "user", "content": "Who are you?"}]


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackInference]:
    """A server that says whatever a test plants."""
    with LoopbackInference(lambda prompt, temperature, seed: "I am Nex.") as server:
        yield server


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.binary(max_size=40) | SHAPED.map(lambda v: json.dumps(v).encode()),
    status=st.sampled_from([200, 200, 302, 422, 500]),
)
def test_any_answer_is_an_answer_or_one_error(server: LoopbackInference, body: bytes, status: int) -> None:
    """Whatever JSON, whatever bytes, whatever status: Said, names, or InferenceError."""
    server.fault = lambda asked: InferenceFault(status, body)
    told: list[str] = []
    with Connection(server.url, None, timeout=5.0) as connection:
        for ask in (
            lambda: connection.chat(USER, "m", {}),
            lambda: connection.complete("Hi", "m", {}),
            connection.models,
        ):
            try:
                result: Any = ask()
            except InferenceError as error:
                told.append(str(error))
            else:
                assert status in (200, 302)
                assert isinstance(result.text if isinstance(result, Completion) else "".join(result), str)
    assert all(text.startswith(("127.0.0.1", "the connection to 127.0.0.1")) for text in told)
    server.fault = None


def test_the_clients_own_calls_elsewhere_are_refused(server: LoopbackInference) -> None:
    """While the line is open nobody sends its key to another origin; afterwards the client is as it was."""
    with (
        Connection(server.url, "sk-secret") as connection,
        pytest.raises(InferenceError, match="is not asked") as error,
    ):
        get_session().get("http://127.0.0.2/v1/models")
    assert "sk-secret" not in str(error.value) + repr(connection)
    with Connection(server.url, None) as outer:
        with Connection(server.url, "sk-inner") as inner:
            assert inner.models() == (server.name,)
        assert outer.models() == (server.name,)
        assert not get_session().follow_redirects
    assert [a.authorization for a in server.log[-2:]] == ["Bearer sk-inner", None]
    assert get_session().follow_redirects  # the library's own client again


def test_an_answer_ends_whatever_drips() -> None:
    """Headers that never end are given up after a few time limits, also where the library asks."""
    watch = Watch()
    with LoopbackHub() as site, Connection(f"{site.url}/v1", None, timeout=1.0, clock=watch.clock) as connection:
        site.fault = always(Fault(forever=(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"), drip=lambda: watch.sleep(0.4)))
        for ask in (lambda: connection.chat(USER, "m", {}), connection.models):
            with pytest.raises(InferenceError, match=r"^the answer of 127\.0\.0\.1 did not end in 3 s$") as error:
                ask()
            assert error.value.again


def test_what_is_sent_is_what_was_asked_for(server: LoopbackInference) -> None:
    """No system prompt of anybody's, no stream, and the options as they are."""
    with Connection(server.url, None) as connection:
        said = connection.chat(USER, "m", {"max_tokens": 7, "temperature": 0.5, "seed": 3, "chat_template": "x"})
    assert said.text == "I am Nex."
    sent = {name: value for name, value in server.log[-1].body.items() if value not in (None, False)}
    options = {"max_tokens": 7, "temperature": 0.5, "seed": 3, "chat_template": "x"}
    assert sent == {"model": "m", "messages": USER, **options}
