"""Each bench runs at its smallest size, so that none rots; what it measures is no matter of tests."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from lamm.local.chromium import find_chromium

SMALLEST = {
    "experiments": [
        *("--points", "4000", "--history", "5000", "--overlay", "100", "--artifact", "2", "--rows", "20000"),
    ],
    "octree": ["--points", "60000"],
    "ingest": ["--frames", "4", "--points", "3000"],
    "curate": ["--scenes", "1000"],
    "compare": ["--runs", "2", "--keys", "1", "--steps", "2500"],
    "explorer": ["--scenes", "1000", "--from", "500", "--passes", "3"],
    "builder": ["--library", "400", "--added", "200", "--frozen", "50", "--frames", "2"],
    "run_page": ["--keys", "4", "--steps", "50", "--scenes", "2", "--frames", "3", "--passes", "1"],
    "evaluation": ["--frames", "3", "--points", "2000", "--sums", "80"],
    "tracker": ["--runs", "300", "--from", "100", "--passes", "2"],
    "client": ["--frames", "3", "--points", "2000", "--passes", "1"],
    "datasets": ["--frames", "3", "--points", "2000", "--passes", "1"],
    "uncertainty": ["--scenes", "12", "--frames", "5", "--timeline", "50", "--calls", "4"],
    "viewer": [
        *("--points", "2000", "--frames", "2", "--big", "520000", "--playback", "50"),
        *(["--browser"] if find_chromium() else []),
    ],
}


def test_every_bench_has_a_smallest_size_here():
    parts = {"__init__", "figures", "installation", "viewer_browser"}
    assert {path.stem for path in (settings.BASE_DIR / "bench").glob("*.py")} - parts == set(SMALLEST)


@pytest.mark.parametrize("name", SMALLEST)
def test_it_runs_and_says_its_figures_as_lines(name):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LAMM_", "DATABASE", "REDIS"))}
    command = [sys.executable, "-m", f"bench.{name}", *SMALLEST[name], "--json"]
    run = subprocess.run(command, cwd=settings.BASE_DIR, env=kept, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    figures = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert figures
    assert all({"name", "value", "unit", "limit", "ratio", "target", "ok"} == set(figure) for figure in figures)
