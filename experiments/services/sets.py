"""What is done to several runs at once: to each that allows it, in one transaction; the others are named with why."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import transaction

from experiments.models import Run
from experiments.services.recording import change_tags
from experiments.services.running import archive_run, restore_run
from scenes.errors import ConflictError, DomainError, TooLargeError

MOST_RUNS = 500


@dataclass
class Outcome:
    """The runs that were changed, and by run why another was not."""

    done: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def archive_runs(*, runs: Sequence[int], by: User) -> Outcome:
    """Archive the runs of these ids that have ended and may be written. Raises TooLargeError beyond 500."""
    return _each(runs, lambda run: archive_run(run=run, by=by))


def restore_runs(*, runs: Sequence[int], by: User) -> Outcome:
    """Restore the runs of these ids. Raises TooLargeError beyond 500."""
    return _each(runs, lambda run: restore_run(run=run, by=by))


def tag_runs(*, runs: Sequence[int], by: User, tags: Mapping[str, str], remove: Iterable[str] = ()) -> Outcome:
    """Set and remove tags of the runs of these ids. Raises TooLargeError beyond 500."""
    gone = list(remove)
    return _each(runs, lambda run: change_tags(run=run, tags=tags, remove=gone, by=by))


@transaction.atomic
def _each(ids: Sequence[int], step: Callable[[Run], object]) -> Outcome:
    if len(ids) > MOST_RUNS:
        raise TooLargeError(f"{len(ids):,} runs, {MOST_RUNS} at once can be changed. Select fewer.", field="runs")
    found = Run.objects.in_bulk(list(ids))
    outcome = Outcome()
    # In one order, so that two such changes never wait for each other in a circle.
    for pk in sorted(set(ids)):
        try:
            if pk not in found:
                raise ConflictError(f"There is no run-{pk}.")
            with transaction.atomic():
                step(found[pk])
        except DomainError as error:
            outcome.refused[pk] = str(error)
        else:
            outcome.done.append(pk)
    return outcome
