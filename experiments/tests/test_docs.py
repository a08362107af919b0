"""The examples of docs/runs.md, run as pasted."""

import re
import subprocess
import sys

import pytest
from django.conf import settings

from experiments.models import Run
from experiments.tests.stories import a_person
from scenes import services
from scenes.models import TokenScope

EXAMPLES = re.findall(r"```python\n(.*?)```", (settings.BASE_DIR / "docs/runs.md").read_text(), re.DOTALL)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_as_pasted(example, live_server):
    _, token = services.make_token(by=a_person(), name="docs", days=7, scope=TokenScope.WRITE)
    there = {"LAMM_URL": live_server.url, "LAMM_TOKEN": token, "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", example], env=there, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    run = Run.objects.get()
    assert (run.status, run.steps_done) == ("completed", 3)
    assert dict(run.metrics.values_list("key", "count")) == {"train/loss": 3, "val/iou": 3}
    assert run.artifacts.get().path == "checkpoints/best.pt"


def test_there_are_examples():
    assert EXAMPLES
