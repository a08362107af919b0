"""Who may write which run, and the lock under which it is written."""

from django.contrib.auth.models import User

from experiments.models import Run
from scenes.errors import ConflictError, NotAllowedError

ADD_RUN, CHANGE_RUN = "experiments.add_run", "experiments.change_run"
ADD_EXPERIMENT, CHANGE_EXPERIMENT = "experiments.add_experiment", "experiments.change_experiment"


def check_writer(run: Run, person: User) -> None:
    """Raises NotAllowedError unless the run is theirs, they claimed it, or they may write all."""
    own = person.pk in (run.started_by_id, run.claimed_by_id) and person.has_perm(ADD_RUN)
    if not own and not person.has_perm(CHANGE_RUN):
        raise NotAllowedError(f"{run} is not yours. Ask whoever started it, or an engineer.")


def locked_run(run: Run, *, by: User, claim: str = "") -> Run:
    """The run as it is now, locked until the transaction ends.

    Raises NotAllowedError, and ConflictError when `claim` is given and another worker has the run by now.
    """
    found = Run.objects.select_for_update(of=("self",), no_key=True).get(pk=run.pk)
    check_writer(found, by)
    check_claim(found, claim)
    return found


def check_claim(run: Run, claim: str) -> None:
    """Raises ConflictError when `claim` is given and another worker has the run by now."""
    if claim and claim != run.claim:
        raise ConflictError(f"{run} was given to another worker meanwhile. Stop working on it.", status=run.status)


def open_run(run: Run, *, by: User, claim: str = "") -> Run:
    """A locked run that still takes what scripts log. Raises ConflictError when it is archived."""
    found = locked_run(run, by=by, claim=claim)
    if found.archived_at is not None:
        raise ConflictError(f"{found} is archived. Restore it first.", status=found.status, archived=True)
    return found
