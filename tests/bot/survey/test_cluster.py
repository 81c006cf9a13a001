"""`blendwatch survey --cluster`: the same results from a Dask cluster of real processes, of which one is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client

from tests.bot.stage import REPOS, Stage, stage
from tests.bot.survey.test_survey import COUNTED, findings, results, surveyed


@contextmanager
def cluster(at: Stage) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and two workers, each with data of its own; yield its address and the workers."""
    file = at.folder / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *common]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen(scheduler, env=at.env, **quiet)]  # type: ignore[call-overload]
    try:
        for number in range(2):
            command = [sys.executable, "-m", "distributed.cli.dask_worker", *common, "--no-nanny", "--nthreads", "1"]
            command += ["--local-directory", str(at.folder)]
            env = at.env | {"BLENDWATCH_DATA": str(at.folder / f"worker-{number}")}
            started.append(subprocess.Popen(command, env=env, **quiet))  # type: ignore[call-overload]
        while not file.exists():
            time.sleep(0.1)
        with Client(scheduler_file=str(file)) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_cluster_gives_the_same_results_though_a_worker_is_killed(tmp_path: Path) -> None:
    """Each model has one result; the tasks of the dead worker go to the other."""
    with stage(tmp_path, COUNTED) as at:
        alone = surveyed(at, "--all", "--least", "0", "--data", str(tmp_path / "alone"))
        with cluster(at) as (address, workers):
            words = [sys.executable, "-m", "bot", "survey", "--all", "--least", "0", "--cluster", address]
            process = subprocess.Popen(words, env=at.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            while not results(at) and process.poll() is None:
                time.sleep(0.05)
            workers[0].kill()
            _, said = process.communicate(timeout=100)
            assert process.returncode == 0, said
        rows = {row["repo_id"]: row for row in results(at)}
        assert len(results(at)) == len(rows) == len(REPOS)
    assert findings(rows) == findings(alone)


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path) -> None:
    """One line, and the status of a wrong configuration."""
    with stage(tmp_path, COUNTED) as at:
        done = at.run("survey", "--all", "--cluster", "tcp://127.0.0.1:9")
        assert (done.returncode, "--cluster tcp://127.0.0.1:9" in done.stderr) == (2, True)
