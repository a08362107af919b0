"""`manage.py evaluate_run run-7`: compares a run's predictions with labels in this process, and tells the numbers."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from datasets.models import Split
from experiments import evaluation_selectors as selectors
from experiments import services
from experiments.models import EvaluationRule, EvaluationState, LabelChoice, Run, RunEvaluation
from experiments.services import evaluating
from scenes.errors import DomainError


class Command(BaseCommand):
    help = "Evaluate a run's predictions on splits of a frozen dataset version. Exit code 1 when it fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", metavar="run-7", help="the run's number")
        parser.add_argument("--dataset", metavar="NAME@v2", default="", help="the run's own version unless given")
        parser.add_argument("--split", action="append", choices=Split.values, help="val unless given; repeatable")
        parser.add_argument("--rule", choices=EvaluationRule.values, default=EvaluationRule.MMDET3D)
        parser.add_argument("--labels", choices=LabelChoice.values, default=LabelChoice.PINNED)

    def handle(self, *args: Any, **options: Any) -> None:
        number = options["run"].removeprefix("run-")
        run = Run.objects.filter(pk=number).first() if number.isascii() and number.isdigit() else None
        if run is None:
            raise CommandError(f"There is no {options['run']}. Write it as run-7.")
        try:
            wishes: dict[str, Any] = {"rule": options["rule"], "labels": options["labels"]}
            if options["dataset"]:
                wishes["dataset_version"] = services.version_named(options["dataset"])
            splits = options["split"] or [Split.VAL]
            evaluation = services.start_evaluation(run=run, by=None, splits=splits, **wishes)
        except DomainError as error:
            raise CommandError(str(error)) from error
        with tqdm(total=evaluation.frames_total, initial=evaluation.frames_done, unit="frame") as bar:
            evaluating.work(evaluation.pk, on_frames=bar.update)
        self._tell(RunEvaluation.objects.for_listing().get(pk=evaluation.pk))

    def _tell(self, evaluation: RunEvaluation) -> None:
        if evaluation.state != EvaluationState.DONE:
            raise CommandError(evaluation.failure or "Another worker is evaluating it.")
        figures = selectors.figures(evaluation)
        for entry in figures.classes:
            iou = figures.of_class(entry["index"])
            if not entry["ignored"]:
                self.stdout.write(f"{entry['name']:<24} {'-' if iou is None else f'{iou:.4f}'}")
        miou = "-" if figures.miou is None else f"{figures.miou:.4f}"
        self.stdout.write(f"mIoU {miou} ({evaluation.rule}), {figures.frames:,} frames, {figures.points:,} points")
        if evaluation.frames_missing:
            self.stdout.write(f"{evaluation.frames_missing:,} frames could not be compared.")
        self.stdout.write(selectors.contamination(evaluation).sentence)
        for mismatch in selectors.mismatches(evaluation):
            self.stdout.write(mismatch.sentence)
