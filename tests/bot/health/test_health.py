"""A watch that runs can be seen to, and one that hangs too."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from bot.config.settings import Settings
from bot.health import short_connections
from bot.health.heartbeat import FILE, LOOP_SECONDS, Heartbeat, HeartbeatState, last_heartbeat
from bot.health.http_server import Endpoint
from bot.health.metrics import Metrics
from demo.hub.faults import Fault, always
from demo.scene import BASE, HIDDEN, RELEASE
from state.uploads.counts import Tally
from tests.bot.stage import REPOS, Stage, stage

FEW = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN)}
BEAT = HeartbeatState(limit=2400, began_at=1000, progress_at=5000, beat_at=6000)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (6000, ""),
        (6000 + LOOP_SECONDS, ""),
        (6000 + LOOP_SECONDS + 1, "no heartbeat for 91 s"),
        (7401, "no heartbeat"),
    ],
)
def test_a_loop_that_stands_still_is_found_out(now: float, said: str) -> None:
    """Once there was no heartbeat for longer than the limit, and not before."""
    assert (BEAT.trouble(now) == "") == (said == "")
    assert said in BEAT.trouble(now)


def test_a_pass_that_goes_nowhere_is_found_out_while_the_loop_turns() -> None:
    """The heart beats on, and still it is no good."""
    now = 0.0
    heartbeat = Heartbeat(Settings(poll_minutes=10, stale_minutes=30), lambda: now)
    now = 2400.0
    assert heartbeat.beat().trouble(now) == ""
    now = 2401.0
    assert "no progress for 2401 s, more than 2400" in heartbeat.beat().trouble(now)
    heartbeat.progress()
    assert heartbeat.beat().trouble(now) == ""


def test_passes_are_counted_and_a_failed_one_is_a_sign_of_life() -> None:
    """But it is not the success that readiness asks for."""
    now = 10.0
    heartbeat = Heartbeat(Settings(), lambda: now)
    with pytest.raises(OSError, match="no Hub"), heartbeat.one_pass():
        raise OSError("no Hub")
    beat = heartbeat.last()
    assert (beat.passes, beat.failed, beat.ended_at, beat.succeeded_at) == (1, 1, 10.0, None)
    now = 20.0
    with heartbeat.one_pass():
        pass
    beat = heartbeat.last()
    assert (beat.passes, beat.failed, beat.succeeded_at, beat.progress_at) == (2, 1, 20.0, 20.0)


def test_the_heartbeat_is_in_a_file_while_the_watch_runs(tmp_path: Path) -> None:
    """And gone afterwards."""
    heartbeat = Heartbeat(Settings(), lambda: 77.0)

    async def live() -> HeartbeatState | None:
        async with heartbeat.written_to(tmp_path):
            while not (tmp_path / FILE).exists():
                await asyncio.sleep(0.01)
            return last_heartbeat(tmp_path)

    assert asyncio.run(live()) == heartbeat.last()
    assert last_heartbeat(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}'])
def test_a_torn_heartbeat_is_none(tmp_path: Path, content: str) -> None:
    """Nothing that stands in the file makes the check fail in another way."""
    (tmp_path / FILE).write_text(content)
    assert last_heartbeat(tmp_path) is None


def test_the_health_command_reads_the_heartbeat(tmp_path: Path) -> None:
    """0 for a live one, 1 for one that hangs or is not there, with the reason."""
    with stage(tmp_path, {}) as at:
        none = at.run("health")
        (tmp_path / "data").mkdir()
        states = []
        for beat_ago, progress_ago in ((0, 0), (600, 0), (0, 9000)):
            now = time.time()
            beat = replace(BEAT, beat_at=now - beat_ago, progress_at=now - progress_ago)
            (tmp_path / "data" / FILE).write_text(json.dumps(asdict(beat)))
            states.append(at.run("health"))
    assert (none.returncode, "no watch is running" in none.stderr) == (1, True)
    assert [s.returncode for s in states] == [0, 1, 1]
    assert states[0].stdout == "alive\n"
    assert "no heartbeat for" in states[1].stderr
    assert "no progress for" in states[2].stderr


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def asked(port: int, path: str) -> tuple[int, str]:
    """Status and body of an answer; (0, "") where nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


@contextmanager
def watching(at: Stage, port: int, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """A watch that goes on, with a port."""
    env = at.env | {"BLENDWATCH_HTTP_PORT": str(port)} | settings
    process = subprocess.Popen([sys.executable, "-m", "bot", "watch"], env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(port: int, path: str, status: int) -> dict[str, Any]:
    """Ask until the answer has this status."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        got, text = asked(port, path)
        if got == status:
            found: dict[str, Any] = json.loads(text)
            return found
        time.sleep(0.1)
    raise AssertionError(f"{path} never answered {status}")


def test_a_watch_tells_that_it_lives_is_ready_and_what_it_did(tmp_path: Path) -> None:
    """Over its own port, from the first pass on; and a watch that is stopped is found out."""
    port = free_port()
    with stage(tmp_path, FEW) as at, watching(at, port) as process:
        assert until(port, "/healthz", 200) == {"alive": True, "trouble": ""}
        assert until(port, "/readyz", 200)["checks"] == {"registry": "ok", "database": "ok", "first pass": "ok"}
        status, text = asked(port, "/metrics")
        healthy = at.run("health", BLENDWATCH_HTTP_PORT=str(port))
        process.send_signal(signal.SIGSTOP)
        stopped = at.run("health", BLENDWATCH_HTTP_PORT=str(port))
        process.send_signal(signal.SIGCONT)
    numbers = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert status == 200
    assert numbers['blendwatch_uploads{state="found"}'] == "1.0"
    assert numbers['blendwatch_findings{finding="blend"}'] == "1.0"
    assert numbers['blendwatch_alerts{state="sent"}'] == "1.0"
    assert numbers['blendwatch_passes_total{outcome="succeeded"}'] == "1.0"
    assert float(numbers["blendwatch_check_seconds_count"]) == 1
    assert abs(float(numbers['blendwatch_feed_last_success_timestamp_seconds{feed="created_at"}']) - time.time()) < 100
    for purpose in ("listing", "first look", "second look", "references"):
        assert float(numbers[f'blendwatch_hub_requests_total{{purpose="{purpose}"}}']) > 0, purpose
        assert float(numbers[f'blendwatch_hub_bytes_total{{purpose="{purpose}"}}']) > 0, purpose
    assert (healthy.returncode, stopped.returncode) == (0, 1)
    assert "no watch answers" in stopped.stderr


def test_a_watch_without_a_hub_lives_and_is_not_ready(tmp_path: Path) -> None:
    """A restart would not help, so it is not asked for; whoever waits for readiness waits."""
    port = free_port()
    with stage(tmp_path, FEW) as at:
        at.hub.fault = always(Fault(status=400), "/api/models")
        with watching(at, port):
            until(port, "/healthz", 200)
            end = time.monotonic() + 60
            while 'blendwatch_passes_total{outcome="failed"} 1.0' not in asked(port, "/metrics")[1]:
                assert time.monotonic() < end
                time.sleep(0.1)
            assert asked(port, "/healthz")[0] == 200
            assert until(port, "/readyz", 503)["checks"]["first pass"] == "none has ended well yet"


def test_a_watch_whose_pass_hangs_is_found_out_while_it_still_answers(tmp_path: Path) -> None:
    """The Hub holds the connection and says nothing: soon there is no progress, and the port says so."""
    port = free_port()
    with stage(tmp_path, FEW) as at:
        at.hub.fault = always(Fault(stall=60), "/api/models")
        with watching(at, port, BLENDWATCH_POLL_MINUTES="0.01", BLENDWATCH_STALE_MINUTES="0.02"):
            trouble = until(port, "/healthz", 503)["trouble"]
            hung = at.run("health", BLENDWATCH_HTTP_PORT=str(port))
    assert "no progress for" in trouble
    assert (hung.returncode, "no progress for" in hung.stderr) == (1, True)


def test_a_port_that_is_taken_is_one_clear_error(tmp_path: Path) -> None:
    """Status 2, with the settings' names."""
    with stage(tmp_path, {}) as at, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = at.run("watch", BLENDWATCH_HTTP_PORT=port)
    assert done.returncode == 2
    assert f"BLENDWATCH_HTTP_HOST, BLENDWATCH_HTTP_PORT: 127.0.0.1 port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_slow_client_keeps_nothing_from_the_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection ends after its time, in the middle of a header too; one more than there may be ends at once."""
    monkeypatch.setattr(short_connections, "SECONDS", 1.0)
    monkeypatch.setattr(short_connections, "MOST", 2)
    port = free_port()
    settings = Settings(data=tmp_path, http_port=port)

    def no_tally() -> Tally:
        raise AssertionError("nobody asked for numbers")

    async def slow() -> tuple[bytes, float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: ")
        began = time.monotonic()
        body = b""
        with suppress(ConnectionResetError), closing(writer):
            body = await asyncio.wait_for(reader.read(), 10)
        return body, time.monotonic() - began

    async def live() -> None:
        heartbeat = Heartbeat(settings)
        endpoint = Endpoint(heartbeat, Metrics(no_tally, {}, heartbeat), lambda: None, lambda: 1)
        async with endpoint.served(settings):
            ended = await asyncio.gather(*(slow() for _ in range(3)))
            assert [body for body, _ in ended] == [b""] * 3
            took = sorted(seconds for _, seconds in ended)
            assert took[0] < took[1]
            assert all(seconds > 0.9 * short_connections.SECONDS for seconds in took[1:])
            assert (await asyncio.to_thread(asked, port, "/healthz"))[0] == 200

    asyncio.run(live())
