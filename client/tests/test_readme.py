"""The examples of the package's README, run as pasted against the real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.models import Run

CLIENT = Path(__file__).parents[1]
EXAMPLES = re.findall(r"```python\n(.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)


def test_the_examples_run_as_pasted(live_server: Any, token_of: Callable[..., str], spool: Path) -> None:
    there = {**os.environ, "LAMM_URL": live_server.url, "LAMM_TOKEN": token_of("trainer"), "PYTHONPATH": str(CLIENT)}
    for example in EXAMPLES:
        done = subprocess.run(
            [sys.executable, "-c", example], env=there, cwd=CLIENT, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, ""), example
    found = {(run.experiment.name, run.name): run for run in Run.objects.all()}
    assert {run.status for run in found.values()} == {"completed"}
    first = found["night", "baseline"]
    assert {series.key: series.count for series in first.metrics.all()} == {"train/loss": 100, "lr": 100}
    assert (first.steps_done, first.steps_total) == (100, 100)
    assert first.environment.packages["httpx"]
    assert first.artifacts.get().path == "configuration/pyproject.toml"
    assert first.notes == "The first one with the new sampler."
    joined = found["night", ""]
    assert {series.key for series in joined.metrics.all()} == {"rank-1/throughput", "rank-0/throughput"}
    assert found["sweep", "lr 0.1"].metrics.get().last_value == 0.9
    assert list(spool.iterdir()) == []
