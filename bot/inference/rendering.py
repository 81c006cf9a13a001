"""Read a repository's chat template and render conversations with it, without trusting it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.sources.interface import Source, SourceError, Unavailable
from bot.sources.untrusted_json import parsed
from bot.text.sanitize import string

MAX_TEMPLATE = 400_000  # characters; the longest in use have about 20,000
MAX_TOKENIZER_CONFIG = 16 << 20  # bytes
MAX_RENDERED = 40_000  # characters of one conversation
OUTPUT = 24 << 20  # bytes of all answers
CPU_SECONDS = 2
WALL_SECONDS = 15.0
MEMORY = 512 << 20
CHILD = Path(__file__).with_name("render_sandbox.py")
SPECIALS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


@dataclass(frozen=True, slots=True)
class Template:
    """A chat template, an untrusted text. `file`: where it was found."""

    text: str
    file: str
    specials: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages to render. `its_turn`: True if the model speaks next."""

    messages: Sequence[Mapping[str, str]]
    its_turn: bool = True


def read_template(source: Source) -> tuple[Template | None, str]:
    """Return a repository's chat template, or None and the reason. Raises Unavailable."""
    try:
        config = _json(source, "tokenizer_config.json", MAX_TOKENIZER_CONFIG)
        specials = {name: text for name in SPECIALS if (text := _token(config.get(name)))}
        alone = source.file("chat_template.jinja", 4 * MAX_TEMPLATE)
        if alone is not None:
            found, file = alone.decode("utf-8", errors="replace"), "chat_template.jinja"
        elif config.get("chat_template"):
            found, file = _default(config["chat_template"]), "tokenizer_config.json"
        else:
            other = _json(source, "chat_template.json", 4 * MAX_TEMPLATE)
            found, file = _default(other.get("chat_template")), "chat_template.json"
    except Unavailable:
        raise
    except SourceError as error:
        return None, str(error)
    if not found:
        return None, "it has no chat template"
    if len(found) > MAX_TEMPLATE:
        return None, f"its chat template has {len(found):,} characters, no more than {MAX_TEMPLATE:,} are read"
    return Template(found, file, specials), ""


def render(template: Template, conversations: Sequence[Conversation]) -> list[str | None]:
    """Render each conversation; None where the template refuses it, fails, or exceeds its limits."""
    values = [
        {**template.specials, "messages": list(c.messages), "tools": None, "documents": None,
         "add_generation_prompt": c.its_turn, "enable_thinking": False}
        for c in conversations
    ]  # fmt: skip
    job = {"template": template.text, "values": values, "most": MAX_RENDERED, "seconds": CPU_SECONDS,
           "memory": MEMORY, "output": OUTPUT}  # fmt: skip
    answers = _child(json.dumps(job).encode())
    texts = [answer.get("text") if isinstance(answer, dict) else None for answer in answers]
    texts += [None] * (len(values) - len(texts))
    return [text if isinstance(text, str) else None for text in texts[: len(values)]]


def _child(job: bytes) -> list[Any]:
    """Run the child without our environment; [] if it fails."""
    with tempfile.TemporaryFile() as out:
        try:
            done = subprocess.run(  # noqa: S603  # our own interpreter and script
                [sys.executable, "-I", str(CHILD)],
                input=job, stdout=out, stderr=subprocess.DEVNULL, env={}, cwd="/", timeout=WALL_SECONDS, check=False,
            )  # fmt: skip
        except (subprocess.TimeoutExpired, OSError):
            return []
        out.seek(0)
        content = out.read(OUTPUT)
    try:
        answers = json.loads(content) if done.returncode == 0 else []
    except (ValueError, RecursionError):
        return []
    return answers if isinstance(answers, list) else []


def _json(source: Source, path: str, limit: int) -> dict[str, Any]:
    """Return the JSON object in a file, {} without one; TooLarge for too many bytes or values."""
    data = source.file(path, limit)
    try:
        content = parsed(data, f"its {path}") if data is not None else {}
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _default(value: object) -> str:
    """Return a template; of a list of named ones the default."""
    if isinstance(value, list):
        named = {string(row.get("name")): string(row.get("template")) for row in value if isinstance(row, dict)}
        return named.get("default") or next(iter(named.values()), "")
    return string(value)


def _token(value: object) -> str:
    return string(value.get("content")) if isinstance(value, dict) else string(value)
