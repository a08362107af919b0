"""Each bench runs at its smallest size, so that none rots; what it measures is no matter of tests."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

SMALLEST = {
    "octree": ["--points", "60000"],
    "ingest": ["--frames", "4", "--points", "3000"],
    "curate": ["--scenes", "1000"],
}


def test_every_bench_has_a_smallest_size_here():
    benches = {path.stem for path in (settings.BASE_DIR / "bench").glob("*.py")} - {"__init__", "figures"}
    assert benches == set(SMALLEST)


@pytest.mark.parametrize("name", SMALLEST)
def test_it_runs_and_says_its_figures_as_lines(name):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LAMM_", "DATABASE", "REDIS"))}
    command = [sys.executable, "-m", f"bench.{name}", *SMALLEST[name], "--json"]
    run = subprocess.run(command, cwd=settings.BASE_DIR, env=kept, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    figures = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert figures
    assert all({"name", "value", "unit", "limit", "ratio", "target", "ok"} == set(figure) for figure in figures)
