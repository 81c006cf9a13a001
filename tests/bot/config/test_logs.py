"""What is logged can be read by machines and people, and never holds a secret."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bot.config import logs
from demo.discord.server import TOKEN, WEBHOOK_ID

HOOK = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}"
HF = "hf_abcDEF0123456789abcDEF0123456789ab"
SIGNED = "https://cas-bridge.xethub.hf.co/xet/f00?X-Amz-Signature=5ec2e7&Expires=9#x"
ODD = "a-token-of-another-kind"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the process's loggers and hooks as they were."""
    root = logging.getLogger()
    kept = (root.level, list(root.handlers), sys.excepthook)
    levels = {name: logging.getLogger(name).level for name in logs.OWN}
    yield
    root.level, root.handlers, sys.excepthook = kept
    logging.captureWarnings(capture=False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def written(style: str, level: str = "info") -> io.StringIO:
    """Configure, and return where the lines go."""
    stream = io.StringIO()
    logs.configure(style, level, [HOOK, ODD], stream)
    return stream


def fail(error: Exception) -> None:
    """Raise, so that there is a traceback."""
    raise error


@pytest.mark.parametrize("style", ["json", "text"])
@pytest.mark.parametrize(
    ("said", "secret"),
    [
        (f"posting to {HOOK}", TOKEN),
        (f"POST /api/v10/webhooks/{WEBHOOK_ID}/{'y' * 68} failed", "y" * 68),
        (f"token {HF} refused", HF[3:]),
        (f"the value is {ODD}!", ODD),
        ({"Authorization": "Bearer abc.def-ghi"}, "abc.def"),
        ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        (f"GET {SIGNED}", "5ec2e7"),
        ("GET /file?Signature=5ec2e7&Policy=p0licy", "5ec2e7"),
        ("http://user:passw0rd@proxy:3128/", "passw0rd"),
    ],
)
def test_no_secret_is_ever_written(style: str, said: object, secret: str) -> None:
    """Not in a message, an argument, a field, an exception or its traceback, from whatever logger."""
    stream = written(style)
    logging.getLogger("bot.x").info("%s", said)
    logging.getLogger("somebody.elses").warning("look: %s", said, extra={"about": said})
    try:
        fail(RuntimeError(said))
    except RuntimeError as error:
        logging.getLogger("blendwatch").error("it failed: %r", error, exc_info=True)
    text = stream.getvalue()
    assert text.count(logs.HIDDEN) >= 4
    assert secret not in text


def test_a_json_line_is_one_object_with_time_level_event_and_fields() -> None:
    """Also of an exception with line breaks and of a name with escapes in it."""
    stream = written("json")
    logging.getLogger("blendwatch").info("%d new uploads", 3, extra={"new": 3})
    try:
        fail(ValueError("two\nlines"))
    except ValueError:
        logging.getLogger("blendwatch").exception("\x1b[31mred\u202e")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["level"], first["event"], first["new"], first["logger"]) == ("info", "3 new uploads", 3, "blendwatch")
    assert first["time"].endswith("Z")
    assert "ValueError: two\nlines" in second["exception"]
    assert "\x1b" not in stream.getvalue()


def test_text_is_a_line_with_time_level_and_event() -> None:
    """And auto is text only on a terminal, which a string is not."""
    stream = written("text")
    logging.getLogger("blendwatch").warning("take \x1b[31mcare", extra={"field": 1})
    assert stream.getvalue().endswith("Z warning take ?[31mcare\n")
    stream = written("auto")
    logging.getLogger("blendwatch").warning("take care")
    assert json.loads(stream.getvalue())["event"] == "take care"


def test_the_level_is_ours_and_others_are_heard_only_when_they_warn() -> None:
    """A library that tells every request is not heard; ours are from the level on that is set."""
    stream = written("json", "debug")
    logging.getLogger("bot.hub").debug("ours")
    logging.getLogger("somebody.elses").info("theirs")
    stream_2 = written("json", "error")
    logging.getLogger("bot.hub").warning("too low")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["ours"]
    assert stream_2.getvalue() == ""


def test_an_error_that_nobody_caught_is_logged_without_its_secrets() -> None:
    """In a process of its own, as it would end."""
    program = f"""
from bot.config import logs
logs.configure("json", "info", ["{ODD}"])
raise RuntimeError("{HOOK} {HF} {ODD}")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stderr)["event"] == "an unexpected error"
    for secret in (TOKEN, HF[3:], ODD):
        assert secret not in done.stderr


@pytest.mark.parametrize("name", ["HF_ENDPOINT", "hf_endpoint", "HF_TOKEN_FILE", "HF_HUB_OFFLINE"])
def test_a_name_is_no_secret(name: str) -> None:
    """What an operator is told to look at can be read; a token cannot."""
    text = f"look at {name}; {HF} is hidden"
    assert logs.redacted(text) == f"look at {name}; hf_(hidden) is hidden"
