"""manage.py import_scores scores.parquet --dataset Urban@v2 --name ensemble-v2 --measure mutual_information ..."""

from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from scenes.errors import DomainError
from uncertainty import services
from uncertainty.models import Aggregator, Evaluation, Measure
from uncertainty.score_files import read_scores
from uncertainty.wishes import EvaluationWishes


class Command(BaseCommand):
    help = "Import the scores of frames from a CSV or Parquet table as an evaluation; all of a file or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="columns score, [iou], and frame_id or scene with frame or position"
        )
        parser.add_argument("--dataset", required=True, help="the frozen version that was evaluated, as Name@v2")
        parser.add_argument("--split", default="val", help='train, val, test or "" for all (val)')
        parser.add_argument("--name", default="", help="of the model or ensemble")
        parser.add_argument("--run", type=int, help="the run that was evaluated")
        parser.add_argument("--member", type=int, action="append", default=[], help="a run of the ensemble; repeat it")
        parser.add_argument("--measure", required=True, choices=Measure.values)
        parser.add_argument("--custom-name", default="", help="what a custom measure is called")
        parser.add_argument("--normalised", action="store_true", help="the values lie in 0..1")
        parser.add_argument("--classes", type=int, help="tells the range of a measure in nats")
        parser.add_argument("--aggregator", default="mean", choices=Aggregator.values)
        parser.add_argument("--threshold", type=float, help="of the aggregator fraction>t")
        parser.add_argument("--low", type=float)
        parser.add_argument("--high", type=float)
        parser.add_argument("--user", required=True, help="whose evaluation it becomes")
        parser.add_argument("--replace", action="store_true", help="correct frames that have another score already")
        parser.add_argument("--finish", action="store_true", help="finish the evaluation afterwards")

    def handle(self, *args: Any, **given: Any) -> None:
        person = User.objects.filter(username=given["user"], is_active=True).first()
        if person is None:
            raise CommandError(f"There is no active user {given['user']!r}.")
        if not given["file"].is_file():
            raise CommandError(f"{given['file']} is not a file.")
        try:
            evaluation, rows = self._import(given, person)
        except DomainError as error:
            raise CommandError(str(error)) from error
        state = evaluation.get_state_display().lower()
        self.stdout.write(f"Evaluation {evaluation.pk}: {evaluation}, {rows:,} frames scored, {state}.")

    @transaction.atomic
    def _import(self, given: dict[str, Any], person: User) -> tuple[Evaluation, int]:
        names = ("dataset", "split", "name", "run", "measure", "custom_name", "normalised", "classes", "aggregator",
                 "threshold", "low", "high")  # fmt: skip
        wishes = EvaluationWishes(members=given["member"], **{name: given[name] for name in names})
        evaluation = services.create_evaluation(wishes=wishes, by=person).evaluation
        rows = 0
        for batch in read_scores(given["file"]):
            told = services.record_frame_scores(
                evaluation=evaluation, frames=batch.frames, scores=batch.scores, ious=batch.ious, by=person,
                replace=given["replace"],
            )  # fmt: skip
            rows += told.received
        if given["finish"]:
            evaluation = services.finish_evaluation(evaluation=evaluation, by=person)
        return evaluation, rows
