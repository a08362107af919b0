"""Who may write which evaluation, and the locks under which it is written."""

from django.contrib.auth.models import User
from django.db import connection

from scenes.errors import NotAllowedError
from uncertainty.models import Evaluation

ADD, CHANGE = "uncertainty.add_evaluation", "uncertainty.change_evaluation"


def check_writer(evaluation: Evaluation, person: User) -> None:
    """Raises NotAllowedError unless the evaluation is theirs, or they may write all."""
    own = person.pk == evaluation.created_by_id and person.has_perm(ADD)
    if not own and not person.has_perm(CHANGE):
        raise NotAllowedError(f"Evaluation {evaluation.pk} is not yours. Ask whoever made it, or an engineer.")


def open_draft(evaluation: Evaluation, *, by: User) -> Evaluation:
    """The draft as it is now. Others may bring scores meanwhile, but nobody finishes it until the transaction ends.

    Raises ConflictError once it is finished, NotAllowedError.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM uncertainty_evaluation WHERE id = %s FOR SHARE", [evaluation.pk])
    found = Evaluation.objects.select_related("dataset_version__dataset").get(pk=evaluation.pk)
    check_writer(found, by)
    found.refuse_unless_draft()
    return found


def locked(evaluation: Evaluation, *, by: User) -> Evaluation:
    """The evaluation as it is now, nobody else writing it or its scores until the transaction ends."""
    rows = Evaluation.objects.select_for_update(of=("self",)).select_related("dataset_version__dataset", "run")
    found = rows.get(pk=evaluation.pk)
    check_writer(found, by)
    return found
