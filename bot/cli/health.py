"""blendwatch health: is the watch alive? For a container's health check."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPException
from json import loads
from typing import Annotated, Final

import typer

from bot.cli.common import NOTHING, AsJson, Data, err, one_line_errors, out, print_json, settings_from
from bot.config.settings import Settings
from bot.health.heartbeat import last_heartbeat

TIMEOUT_SECONDS: Final = 5.0
ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # to listen on; nobody can be asked there


def health(
    data: Data = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="say nothing, only end with the status")] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether the watch is alive: status 0 if it is, 1 if it hangs or none is running.

    Asks its port where one is set, and its heartbeat in the data folder otherwise.
    """
    with one_line_errors():
        settings = settings_from(None, data)
    trouble = _asked(settings) if settings.http_port else _from_file(settings)
    if as_json:
        print_json({"schema": 1, "alive": not trouble, "trouble": trouble})
    elif not quiet:
        (err if trouble else out).print(f"blendwatch: {trouble}" if trouble else "alive", soft_wrap=True)
    raise typer.Exit(NOTHING if trouble else 0)


def _asked(settings: Settings) -> str:
    """What is wrong, as the watch's own port says; "" for nothing."""
    host = ANYWHERE.get(settings.http_host, settings.http_host)
    connection = HTTPConnection(host, settings.http_port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        said = loads(answer.read(10_000))
        return "" if answer.status == 200 else str(said["trouble"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        return f"no watch answers at {host} port {settings.http_port} ({type(error).__name__})"
    finally:
        connection.close()


def _from_file(settings: Settings) -> str:
    """What is wrong, as the heartbeat says; "" for nothing."""
    beat = last_heartbeat(settings.data)
    return beat.trouble(time.time()) if beat else f"no watch is running on {settings.data}"
