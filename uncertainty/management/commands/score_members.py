"""manage.py score_members 7 --user ada: where an ensemble's members disagree, from their stored predictions."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from scenes.errors import DomainError
from uncertainty import services
from uncertainty.models import Evaluation


class Command(BaseCommand):
    help = "Fill a draft (disagreement or variation_ratio) from the stored predictions of its members' runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("evaluation", type=int, help="the number of the draft")
        parser.add_argument("--user", required=True, help="who does it")
        parser.add_argument("--finish", action="store_true", help="finish the evaluation afterwards")

    def handle(self, *args: Any, **given: Any) -> None:
        person = User.objects.filter(username=given["user"], is_active=True).first()
        evaluation = Evaluation.objects.filter(pk=given["evaluation"]).first()
        if person is None or evaluation is None:
            missing = f"active user {given['user']!r}" if person is None else f"evaluation {given['evaluation']}"
            raise CommandError(f"There is no {missing}.")
        try:
            with tqdm(unit=" frames", disable=None) as bar:
                for done, total in services.score_members(evaluation=evaluation, by=person):
                    bar.total = total
                    bar.update(done - bar.n)
            if given["finish"]:
                services.finish_evaluation(evaluation=evaluation, by=person)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{evaluation.point_scores.count():,} frames of evaluation {evaluation.pk} have values.")
