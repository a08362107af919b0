"""The page for trainers: what it shows works as pasted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.stories import a_dataset

PAGE = settings.BASE_DIR / "docs" / "trainers.md"


def test_its_lines_run_as_pasted(live_server: Any, token_of: Any, tmp_path: Path) -> None:
    lines = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    assert len([line for line in lines.splitlines() if line.strip()]) <= 10
    a_dataset(tmp_path)
    environment = {
        "LAMM_URL": live_server.url,
        "LAMM_TOKEN": token_of("trainer"),
        "LAMM_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(settings.BASE_DIR / "client"),
    }
    run = subprocess.run(
        [sys.executable, "-c", lines], env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert run.returncode == 0, run.stderr
    assert "<Urban_Night_Scenes@v1, frozen, frames: train 4, val 2>" in run.stdout
    assert len(re.findall(r"^[ab]-night 00000[01]\.pcd .*\(300, 3\)", run.stdout, re.MULTILINE)) == 4
