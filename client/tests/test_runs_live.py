"""Runs and workers against the real server: what the client sends is what the API takes."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import lamm_client as lamm
from experiments.models import MetricPoint, Run
from lamm_client import runs
from lamm_client.sending import replay
from lamm_client.worker import Worker


def test_the_life_of_a_run(connection: lamm.Connection, spool: Path, tmp_path: Path) -> None:
    (tmp_path / "best.pt").write_bytes(b"weights" * 100_000)
    with connection.run(experiment="night", architecture="RandLA-Net", params={"lr": 0.01, "gamma": math.nan}) as run:
        for step in range(1500):
            run.log({"train/loss": 1 / (step + 1), "val/iou": math.nan}, step=step, epoch=step / 100)
        run.log_params({"depth": 5})
        run.log_artifact(tmp_path / "best.pt", to="checkpoints/best model.pt")
        run.set_tags({"team": "perception"})
        run.note("fine")
        run.progress(1500)
    kept = Run.objects.get()
    assert (kept.pk, kept.status, kept.steps_done, kept.notes) == (run.id, "completed", 1500, "fine")
    assert {row.key: row.value for row in kept.parameters.all()} == {"lr": 0.01, "gamma": "NaN", "depth": 5}
    assert {series.key: series.count for series in kept.metrics.all()} == {"train/loss": 1500, "val/iou": 1500}
    assert kept.artifacts.get().file.size == 700_000
    assert kept.artifacts.get().path == "checkpoints/best model.pt"
    assert kept.host
    assert kept.environment.packages["numpy"]
    assert list(spool.iterdir()) == []


def test_a_journal_that_is_sent_twice_adds_nothing(connection: lamm.Connection, spool: Path) -> None:
    run = connection.run(capture=False)
    for step in range(10):
        run.log({"loss": float(step)}, step=step)
    assert run.flush()
    journal = run._pipeline.open().journal
    lines = journal.path.read_bytes().splitlines(keepends=True)
    run.finish()
    copy = spool / "again.journal"
    copy.write_bytes(b"".join(line for line in lines if b'"sent"' not in line))
    assert replay(connection.transport) == (1, 0)
    assert Run.objects.count() == 1
    assert MetricPoint.objects.count() == 10
    assert Run.objects.get().status == "completed"


def test_a_failure_carries_its_traceback(connection: lamm.Connection, spool: Path) -> None:
    with pytest.raises(ZeroDivisionError), connection.run(capture=False):
        _ = 1 / 0
    kept = Run.objects.get()
    assert kept.status == "failed"
    assert "ZeroDivisionError: division by zero" in kept.failure


def test_a_dataset_that_is_not_there_is_refused_by_name(connection: lamm.Connection, spool: Path) -> None:
    with pytest.raises(lamm.RefusedError, match="there is no 'Nowhere@v1'"):
        connection.run(dataset="Nowhere@v1")
    assert list(spool.iterdir()) == []


def test_two_workers_share_the_queue(connection: lamm.Connection, spool: Path) -> None:
    for number in range(4):
        connection.queue_run(experiment="sweep", params={"number": number})
    seen: list[int] = []

    def train(run: lamm.Run) -> None:
        run.log({"number": run.params["number"]})
        seen.append(run.params["number"])

    workers = [Worker(connection.transport, train, experiment="sweep", name=f"node-{n}") for n in range(2)]
    threads = [threading.Thread(target=worker.forever, kwargs={"once": True}) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(seen) == [0, 1, 2, 3]
    assert set(Run.objects.values_list("status", flat=True)) == {"completed"}
    assert MetricPoint.objects.count() == 4


def test_a_script_under_a_worker_on_the_command_line(
    connection: lamm.Connection, spool: Path, tmp_path: Path, live_server: Any
) -> None:
    """The script ends its run as failed itself; the worker, whose claim ended with that, still hands in the output."""
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, lamm_client as lamm\n"
        "with lamm.run() as run:\n"
        "    run.log({'lr': float(sys.argv[1])})\n"
        "    print('on', run.number)\n"
        "    raise ValueError('no data')\n"
    )
    connection.queue_run(experiment="night", params={"lr": 0.5})
    token = connection.transport.__getstate__()["token"]
    path = str(Path(lamm.__file__).parents[1])
    there = {**os.environ, "LAMM_URL": live_server.url, "LAMM_TOKEN": token, "PYTHONPATH": path}
    words = ["-m", "lamm_client", "worker", "--once", "--command", sys.executable, str(script), "{params.lr}"]
    done = subprocess.run([sys.executable, *words], env=there, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    kept = Run.objects.get()
    assert (kept.status, kept.attempts) == ("failed", 1)
    assert "ValueError: no data" in kept.failure
    assert kept.metrics.get().last_value == 0.5
    assert kept.artifacts.get().path == "worker/attempt-1.txt"
    assert str(script) in kept.command
    assert kept.environment.packages["numpy"]
    assert list(spool.iterdir()) == []


def test_a_worker_that_stops_puts_its_run_back(connection: lamm.Connection, spool: Path) -> None:
    connection.queue_run(experiment="night")
    worker = Worker(connection.transport, ["true"], name="node-1")
    facts = worker.claim()
    assert facts is not None
    header = runs.joining(connection.transport, facts["id"], facts["claim"])
    worker._give_back(lamm.Run(connection.transport, header))
    kept = Run.objects.get()
    assert (kept.status, kept.attempts, kept.worker) == ("queued", 0, "")
