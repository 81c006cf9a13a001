"""Log lines on standard error: JSON for machines, text for a terminal, and never a secret in either.

All modules use the standard library's loggers; structlog formats their lines and those of libraries.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterable
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN: Final = "(hidden)"
SHORTEST_SECRET: Final = 6  # characters; a shorter value would occur in ordinary words
OWN: Final = ("analyzers", "blendwatch", "bot", "state")

# Patterns of secrets from any source. The first group stays.
_SHAPES: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(webhooks/\d+/)[\w.-]+",  # the address of a webhook is a password
        r"(\b(?-i:hf_)(?!endpoint\b))[a-z0-9]{6,}",  # a token, not the name of a variable or setting
        r"(\bapi_org_)[a-z0-9]{6,}",
        r"""(authorization[\\"']*\s*[:=,]\s*(?:b(?=[\\"']))?[\\"']*)(?:(?:bearer|basic|bot|token)\s+)?[^\s\\"',;)}\]]+""",
        r"(\bbearer\s+)[\w.~+/=-]{8,}",
        r"(\bhttps?://)[^\s/@\"']+(?=@)",  # a user and a password before the host
        r"""(\bhttps?://[^\s?"'<>\\]+\?)[^\s"'<>\\]+""",  # a signed address is a key to the file
        r"""(\b(?:x-amz-[\w-]+|signature|key-pair-id|policy|access_token|token|sig)=)[^\s&"'<>\\]+""",
    )
)

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text with HIDDEN instead of the given secrets and of everything that looks like one."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    for shape in _SHAPES:
        text = shape.sub(rf"\g<1>{HIDDEN}", text)
    return text


def configure(style: str, level: str, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Direct every logger of this process to `stream` (None: standard error). May be called again.

    `style`: auto, json or text; `level`: the least level of our own loggers; of others only warnings are shown.
    """
    target = stream or sys.stderr
    as_text = style == "text" or (style == "auto" and target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(_formatter(as_text, _parts(secrets)))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in OWN:
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(capture=True)
    sys.excepthook = _unexpected
    threading.excepthook = lambda args: _unexpected(args.exc_type, args.exc_value, args.exc_traceback)


def _parts(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return the secrets, and the last part of addresses, which is secret, too; the longest first."""
    found = {part.strip() for secret in secrets for part in (secret, secret.rstrip("/").rpartition("/")[2])}
    return tuple(sorted((part for part in found if len(part) >= SHORTEST_SECRET), key=len, reverse=True))


def _formatter(as_text: bool, secrets: tuple[str, ...]) -> logging.Formatter:
    def without_secrets(_logger: WrappedLogger, _name: str, line: Any) -> str:
        return redacted(line, secrets)

    json: list[Processor] = [_renamed, structlog.processors.JSONRenderer(default=str)]
    show: list[Processor] = [_line] if as_text else json
    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ" if as_text else "iso", utc=True),
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            *show,
            without_secrets,
        ],
    )


def _renamed(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Move time, level and event to the front."""
    first = {"time": event.pop("timestamp"), "level": event.pop("level"), "event": event.pop("event")}
    return {**first, **event}


def _line(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    """Return time, level and event; fields are for machines. Control characters are replaced."""
    said = f"{event['timestamp']} {event['level']:<7} {event['event']}"
    return _CONTROL.sub("?", f"{said}\n{event['exception']}" if "exception" in event else said)


def _unexpected(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    """Log an uncaught error like every other line, without secrets."""
    if not issubclass(kind, Exception) or error is None:
        sys.__excepthook__(kind, error or kind(), trace)
        return
    logging.getLogger("blendwatch").critical("an unexpected error", exc_info=(kind, error, trace))
