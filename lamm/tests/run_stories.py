"""Stories of runs for pages: `a_trained_run(by)` logged curves and files, `a_judged_run(by)` was evaluated, too."""

from io import BytesIO
from typing import Any

import numpy as np
from django.contrib.auth.models import User

from experiments import services
from experiments.models import Run, RunEvaluation
from experiments.services import MetricBatch
from experiments.tests.evaluation_stories import a_pinned_version, a_run_on, a_scene_of, an_evaluation, predict_wrongly
from experiments.tests.stories import a_person, a_run
from scenes.models import Scene

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
CURVES = {"train/loss": -0.02, "val/loss": -0.015, "val/mIoU": 0.01, "val/iou/road": 0.012, "lr": -0.0001, "speed": 0.5}
EVIL = "<script>alert('run')</script>"
PATCH = f"""diff --git a/train.py b/train.py
index 3b18e51..a0f2c11 100644
--- a/train.py
+++ b/train.py
@@ -41,3 +41,3 @@ def loss_of(batch):
     logits = model(batch)
-    return plain(logits)
+    return weighted(logits)  # {EVIL}
"""


def log_curves(run: Run, keys: dict[str, float], *, steps: int = 20) -> None:
    """A line for each key from 1 on with its slope, a point a step."""
    numbers = np.arange(steps)
    for key, slope in keys.items():
        values = 1 + slope * numbers
        none = np.full(steps, np.nan)
        batch = MetricBatch([key], np.zeros(steps, np.int64), numbers, 1_000_000 + 1000 * numbers, values, none)
        services.record_metrics(run=run, batch=batch, by=run.started_by)


def keep(run: Run, path: str, data: bytes, media_type: str = "") -> None:
    services.save_artifact(
        run=run, path=path, stream=BytesIO(data), length=len(data), by=run.started_by, media_type=media_type
    )


def a_trained_run(*, by: User | None = None, end: str = "completed", **wishes: Any) -> Run:
    """A run with parameters, curves, a patch, packages and files of every kind; ended unless `end` is empty."""
    told: dict[str, Any] = {
        "name": "rainy", "architecture": "RandLA-Net", "commit": "9f1c2d7e0b1a", "repository": "git@example.com:seg",
        "command": "python train.py", "diff": PATCH, "packages": {"torch": "2.4.1"}, "environment": {"gpu": "A100"},
        "parameters": {"lr": 0.01, "optimizer": {"name": "adamw"}, "title": EVIL}, "tags": {"night": ""}, "seed": 7,
    }  # fmt: skip
    run = a_run(by=by, **(told | wishes))
    log_curves(run, CURVES)
    for path, data in (
        ("best.pt", b"\x80\x04" + b"\0" * 60),
        ("plots/loss.png", PNG),
        ("page.html", EVIL.encode()),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("config.json", b'{"depth": 4}'),
        ("scores.csv", b"class,iou\nroad,0.9\n<b>car</b>,0.8\n"),
        ("logs/train.txt", "".join(f"line {number}\n" for number in range(5000)).encode()),
    ):
        keep(run, path, data)
    if end:
        failure = "Traceback\nRuntimeError: out of memory" if end == "failed" else ""
        services.finish_run(run=run, by=run.started_by, status=end, failure=failure)
    return Run.objects.get(pk=run.pk)


def judged_scenes(*, frames: int = 2, points: int = 500) -> list[Scene]:
    """A scene to train on and two to judge by, each of a drive of its own."""
    names = ("seen", "easy", "hard")
    return [a_scene_of(f"drive of {name}", name=name, frames=frames, points=points) for name in names]


def a_judged_run(
    scenes: list[Scene], *, shares: tuple[float, float] = (0.05, 0.3), version: Any = None, **wishes: Any
) -> tuple[Run, RunEvaluation]:
    """A run that is wrong on these shares of the points of the scenes it is judged by, and its evaluation."""
    train, *judged = scenes
    version = version or a_pinned_version(train=[train], val=judged, slices={"far": judged[:1]})
    run = a_run_on(version, **wishes)
    for scene, share in zip(judged, shares, strict=True):
        predict_wrongly(run, scene, share)
    return run, an_evaluation(run)


def an_engineer() -> User:
    return a_person("edna", "engineer")
