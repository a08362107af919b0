"""How fast the page of a long run answers, and how fast an error of its evaluation leads to the frames that hold it.

    python -m bench.run_page [--keys 50] [--steps 20000] [--scenes 50] [--frames 40] [--passes 10] [--browser] [--json]

A run with so many metrics of so many steps, and an evaluation of so many frames in 20 classes, go into a throw-away
database. Figures are the 95th percentiles of the server's time (Python and database, on a processor) of whole answers
through the site; the limits are the targets. With --browser the time until the last plot is drawn in Chromium, too.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.explorer import p95
from bench.figures import Figure, arguments, at_most, report
from bench.installation import throw_away_installation

CLASSES = 20
POINTS_OF_A_FRAME = 120_000
OPENINGS = 3
WEB = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}",
       "lamm.wsgi:application"]  # fmt: skip
OPEN_MS, DRILL_MS, DRAWN_MS = 300.0, 100.0, 2000.0


def make_person() -> Any:
    from django.contrib.auth.models import Group, User

    person = User.objects.create_user("engineer of the bench")
    person.groups.add(Group.objects.get(name="engineer"))
    return User.objects.get(pk=person.pk)


def make_run(person: Any, keys: int, steps: int) -> Any:
    """A run with losses, IoU by class and other metrics, each with so many points."""
    from experiments import services
    from experiments.services import MetricBatch
    from experiments.wishes import RunWishes

    wishes = RunWishes(name="bench", parameters={f"parameter_{number}": number for number in range(100)})
    run = services.create_run(wishes=wishes, by=person).run
    names = ["train/loss", "val/loss", "lr", "val/mIoU", *(f"val/iou/class_{number}" for number in range(CLASSES))]
    names = (names + [f"system/{number}" for number in range(keys)])[:keys]
    numbers = np.arange(steps, dtype=np.int64)
    missing = np.full(steps, np.nan)
    for place, name in enumerate(names):
        values = np.random.default_rng(place).normal(0.5, 0.1, steps)
        batch = MetricBatch([name], np.zeros(steps, np.int64), numbers, 10**12 + 100 * numbers, values, missing)
        services.record_metrics(run=run, batch=batch, by=person)
    return run


def make_scenes(scenes: int, frames: int) -> list[Any]:
    from scenes.models import Frame, FrameState, Scene

    made = Scene.objects.bulk_create(
        [Scene(name=f"scene-{number}", frame_count=frames, point_count=frames) for number in range(scenes)]
    )
    Frame.objects.bulk_create(
        [
            Frame(scene=scene, index=index, name=f"{index:06d}.pcd", state=FrameState.PENDING)
            for scene in made
            for index in range(frames)
        ]
    )
    return made


def make_evaluation(run: Any, scenes: list[Any]) -> Any:
    """A finished evaluation with random confusions, as the evaluator would have written it."""
    from django.utils import timezone

    from datasets.models import Dataset, DatasetVersion
    from experiments.models import FrameSums, RunEvaluation, SceneSums
    from scenes.models import Ontology

    ontology = Ontology.objects.create(name="bench")
    for index in range(CLASSES):
        ontology.classes.create(index=index, name=f"class {index}", colour="#808080", ignored=index == 0)
    version = DatasetVersion.objects.create(dataset=Dataset.objects.create(name="bench"), number=1)
    frames_of: dict[int, list[int]] = {scene.pk: [] for scene in scenes}
    for pk, scene in scenes[0].frames.model.objects.filter(scene__in=scenes).values_list("pk", "scene_id"):
        frames_of[scene].append(pk)
    evaluation = RunEvaluation.objects.create(
        run=run, dataset_version=version, ontology=ontology, splits=["val"], class_count=CLASSES,
        range_edges=[10.0, 30.0], frames_total=sum(map(len, frames_of.values())),
    )  # fmt: skip
    dice = np.random.default_rng(1)
    for scene in scenes:
        rows, summed = sums_of(evaluation, scene, frames_of[scene.pk], dice)
        FrameSums.objects.bulk_create(rows)
        SceneSums.objects.bulk_create([summed])
    facts = {"state": "done", "finished_at": timezone.now(), "scene_count": len(scenes), "miou": 0.5}
    RunEvaluation.objects.filter(pk=evaluation.pk).update(**facts)
    return RunEvaluation.objects.get(pk=evaluation.pk)


def sums_of(evaluation: Any, scene: Any, frames: list[int], dice: np.random.Generator) -> tuple[list[Any], Any]:
    from experiments import metrics
    from experiments.models import FrameSums, SceneSums

    whole = np.zeros((CLASSES, CLASSES), np.int64)
    rows, records = [], []
    for frame in frames:
        counts = dice.multinomial(POINTS_OF_A_FRAME, np.full(CLASSES**2, 1 / CLASSES**2)).reshape(CLASSES, CLASSES)
        counts[dice.random(counts.shape) < 0.6] = 0
        records.append(metrics.to_records(counts.astype(np.int64)))
        whole += counts
        points, correct = int(counts.sum()), int(np.trace(counts))
        rows.append(
            FrameSums(
                evaluation=evaluation, scene=scene, frame_id=frame, split="val", points=points, correct=correct,
                confusion=records[-1], predictions_digest="0" * 64, labels_digest="0" * 64, inputs=f"{frame:064d}",
            )
        )  # fmt: skip
    ious = np.diag(whole) / (whole.sum(0) + whole.sum(1) - np.diag(whole))
    summed = SceneSums(
        evaluation=evaluation, scene=scene, split="val", frames=len(frames), points=int(whole.sum()),
        correct=int(np.trace(whole)), confusion=metrics.to_records(whole), peaks=metrics.peak_records(records, CLASSES),
        miou=float(ious[1:].mean()), accuracy=float(np.trace(whole) / whole.sum()), ious=ious.tolist(),
    )  # fmt: skip
    return rows, summed


def asked(person: Any, address: Callable[[random.Random], str]) -> Callable[[random.Random], object]:
    """An answer of the whole site, without the network."""
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(person)

    def ask(dice: random.Random) -> None:
        answer = client.get(address(dice))
        if answer.status_code != 200:
            raise SystemExit(f"{address(dice)} answered {answer.status_code}.")

    return ask


def measure(options: Any) -> list[Figure]:
    from experiments import evaluation_selectors as selectors

    person = make_person()
    run = make_run(person, options.keys, options.steps)
    page = f"/runs/{run.pk}/"
    figures = []

    def within(name: str, work: Callable[[random.Random], object], limit: float) -> None:
        figures.append(at_most(name, p95(work, options.passes), "ms", limit, 1))

    words = f"{options.keys} keys x {options.steps:,} steps"
    within(f"{words}: page", asked(person, lambda _: page), OPEN_MS)
    if options.browser:
        figures.append(drawn(page))
    evaluation = make_evaluation(run, make_scenes(options.scenes, options.frames))
    count = f"{options.scenes * options.frames:,} frames"
    within(f"{count}: evaluation tab", asked(person, lambda _: f"{page}?tab=evaluation"), OPEN_MS)
    within(
        f"{count}: a cell to its frames",
        lambda dice: selectors.frames_with_confusion(
            evaluation, truth=dice.randrange(1, CLASSES), predicted=dice.randrange(1, CLASSES)
        ),
        DRILL_MS,
    )

    def cell(dice: random.Random) -> str:
        return f"{page}?tab=evaluation&cell={dice.randrange(1, CLASSES)},{dice.randrange(1, CLASSES)}"

    within(f"{count}: tab with a cell open", asked(person, cell), OPEN_MS)
    within(f"{words}: report", asked(person, lambda _: f"{page}report/"), 1000.0)
    return figures


# Resolves to the milliseconds from the beginning of the navigation until every plot in view has its curves.
UNTIL_DRAWN = """() => new Promise((done) => {
    const look = () => {
        const charts = [...document.querySelectorAll("[data-curve-chart]")];
        const seen = charts.filter((host) => host.getBoundingClientRect().top < innerHeight);
        const waits = (host) => !host.querySelector("canvas") || host.querySelector(".chart-words:not(:empty)");
        const whole = !seen.some(waits);
        if (seen.length && whole) done(performance.now());
        else requestAnimationFrame(look);
    };
    look();
})"""


def drawn(page: str) -> Figure:
    """The time until the last plot in view is drawn in Chromium with nothing cached; the median of some openings."""
    import os
    import statistics

    from playwright.sync_api import sync_playwright

    from bench.viewer import logged_in, serving
    from lamm.local.chromium import find_chromium

    name, _, value = logged_in().partition("=")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # the browser's driver runs an event loop in this thread
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    taken = []
    with serving(*WEB) as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--disable-gpu", *sandbox])
        for _ in range(OPENINGS):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{port}"}])
            opened = context.new_page()
            opened.goto(f"http://127.0.0.1:{port}{page}")
            taken.append(opened.evaluate(UNTIL_DRAWN))
            context.close()
        browser.close()
    return at_most("last plot in view drawn in Chromium", statistics.median(taken), "ms", DRAWN_MS, 1)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--keys", type=int, default=50)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--browser", action="store_true", help="measure in Chromium, too")
    options = parser.parse_args()
    with throw_away_installation():
        figures = measure(options)
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
