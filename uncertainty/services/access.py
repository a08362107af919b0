"""Who may write which evaluation, and the locks under which it is written."""

from django.contrib.auth.models import User

from scenes.errors import MissingError, NotAllowedError
from uncertainty.models import Evaluation

ADD, CHANGE = "uncertainty.add_evaluation", "uncertainty.change_evaluation"
# What bringing scores asks of a draft, and no more: it is asked with every call.
_SHARED = """
    SELECT id, name, run_id, dataset_version_id, split, measure, custom_name, unit, normalised, aggregator, threshold,
        low, high, state, created_by_id
    FROM uncertainty_evaluation WHERE id = %s FOR SHARE
"""


def check_writer(evaluation: Evaluation, person: User) -> None:
    """Raises NotAllowedError unless the evaluation is theirs, or they may write all."""
    own = person.pk == evaluation.created_by_id and person.has_perm(ADD)
    if not own and not person.has_perm(CHANGE):
        raise NotAllowedError(f"Evaluation {evaluation.pk} is not yours. Ask whoever made it, or an engineer.")


def open_draft(evaluation: Evaluation, *, by: User) -> Evaluation:
    """The draft as it is now. Others may bring scores meanwhile, but nobody finishes it until the transaction ends.

    One query; what is not its definition, owner or state is fetched when it is asked for. Raises ConflictError once it
    is finished, MissingError when it has been discarded meanwhile, NotAllowedError.
    """
    found = next(iter(Evaluation.objects.raw(_SHARED, [evaluation.pk])), None)
    if found is None:
        raise MissingError(f"There is no evaluation {evaluation.pk} any more.")
    check_writer(found, by)
    found.refuse_unless_draft()
    return found


def locked(evaluation: Evaluation, *, by: User) -> Evaluation:
    """The evaluation as it is now, nobody else writing it or its scores until the transaction ends."""
    rows = Evaluation.objects.select_for_update(of=("self",)).select_related("dataset_version__dataset", "run")
    found = rows.get(pk=evaluation.pk)
    check_writer(found, by)
    return found
