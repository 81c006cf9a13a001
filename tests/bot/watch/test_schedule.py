"""The clock of the watch, in a process of its own: how it ends on SIGTERM."""

from __future__ import annotations

import signal
import subprocess
import sys

STUCK = """
import asyncio, threading
import bot.watch.schedule
bot.watch.schedule.STOP_SECONDS = 0.1

def waits_for_ever() -> None:
    print("under way", flush=True)
    threading.Event().wait()

asyncio.run(bot.watch.schedule.run_every(1, lambda: asyncio.to_thread(waits_for_ever)))
"""


def test_a_pass_that_waits_for_the_network_does_not_hold_up_the_end() -> None:
    """A thread that nothing can interrupt is left behind, and the status is 0: a supervisor need not kill it."""
    with subprocess.Popen(
        [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "under way\n"
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert "due at the next start" in said
    assert "Traceback" not in said
