"""Run commands of the command line as forks of one process that has already imported slow libraries.

A command is a process of its own, with its own environment, folder, output and exit status. Only the imports of SLOW
are shared. None of SLOW reads the environment when imported, except for Python's own variables, which must not differ.
`python -m tests.bot.forks SOCKET` serves; `run` starts one server for this process and asks it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Final

from tests import ROOT

SLOW: Final = (
    "aiohttp",
    "alembic.command",
    "analyzers.verdict.summary",
    "apscheduler.schedulers.asyncio",
    "bot.alerts.delivery",
    "bot.alerts.sinks",
    "bot.check.checker",
    "bot.known.models",
    "discord",
    "httpx2",
    "jinja2",
    "prometheus_client",
    "pydantic_settings",
    "rich.console",
    "rich.table",
    "state.backup.backup",
    "state.store",
    "structlog",
    "typer.main",
)
ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a fork needs a process without threads


_spent: Final[list[float]] = []


def seconds() -> float:
    """Return the processor time of the commands that were run."""
    return sum(_spent)


def run(words: Sequence[str], env: Mapping[str, str], timeout: float = 100) -> subprocess.CompletedProcess[str]:
    """Run `python -m bot` with these words in this folder, as subprocess.run does; raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, socket.socket(socket.AF_UNIX) as line:
        line.settimeout(timeout)
        line.connect(_server())
        asked = json.dumps({"words": list(words), "env": dict(env), "folder": str(Path.cwd())}).encode()
        socket.send_fds(line, [len(asked).to_bytes(4, "big")], [out.fileno(), err.fileno()])
        line.sendall(asked)
        pid = int.from_bytes(_exactly(line, 4), "big")
        try:
            status, milliseconds = struct.unpack("!iI", _exactly(line, 8))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(words), timeout, _text(out), _text(err)) from None
        _spent.append(milliseconds / 1000)
        return subprocess.CompletedProcess(["bot", *words], status, _text(out), _text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


def _exactly(line: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        part = line.recv(count - len(got))
        assert part, "the server of forks died"
        got += part
    return got


@cache
def _server() -> str:
    """Start the server; returns the path of its socket. It ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="forks-")
    path = str(Path(folder.name) / "socket")
    env = os.environ | ONE_THREAD | {"PYTHONWARNINGS": "ignore"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "tests.bot.forks", path]
    served = subprocess.Popen(command, env=env, cwd=ROOT, stdin=subprocess.DEVNULL)

    def end() -> None:
        served.terminate()
        served.wait()
        folder.cleanup()

    atexit.register(end)
    until = time.monotonic() + 60
    while not Path(path).exists():
        assert served.poll() is None, "the server of forks did not start"
        assert time.monotonic() < until, "the server of forks does not answer"
        time.sleep(0.01)
    return path


def serve(path: str) -> list[str]:
    """Serve until SIGTERM. Returns only in a child that is to run a command: the command's words."""
    for name in SLOW:
        importlib.import_module(name)
    assert "huggingface_hub" not in sys.modules  # it reads the environment when it is imported
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children of this process
    with socket.socket(socket.AF_UNIX) as ear:
        ear.bind(path + ".new")
        ear.listen(64)
        Path(path + ".new").rename(path)
        while True:
            line, _ = ear.accept()
            if os.fork() == 0:
                break
            line.close()
    return _child(line)


def _child(line: socket.socket) -> list[str]:
    """Fork once more: one process becomes the command, the other one reports its id and its status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, (out, err), *_ = socket.recv_fds(line, 4, 2)
    asked = json.loads(_exactly(line, int.from_bytes(size, "big")))
    pid = os.fork()
    if pid:
        line.sendall(pid.to_bytes(4, "big"))
        _, status, used = os.wait4(pid, 0)
        milliseconds = round(1000 * (used.ru_utime + used.ru_stime))
        line.sendall(struct.pack("!iI", os.waitstatus_to_exitcode(status), milliseconds))
        os._exit(0)
    line.close()
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    words: list[str] = asked["words"]
    return words


if __name__ == "__main__":
    sys.argv[1:] = serve(sys.argv[1])
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
