"""Experiments: made, described, archived and restored."""

from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from experiments.models import Experiment
from experiments.services.access import ADD_EXPERIMENT, CHANGE_EXPERIMENT
from experiments.wishes import MOST_TEXT, clean_document, clean_text
from scenes.audit import save_audited
from scenes.errors import ConflictError, NotAllowedError, RefusedError, TooLargeError

MOST_NAME, MOST_EXPERIMENT_TAG = 500, 20_000


@transaction.atomic
def create_experiment(
    *,
    name: str,
    by: User,
    notes: str = "",
    tags: Mapping[str, str] | None = None,
    artifact_location: str = "",
) -> Experiment:
    """A new experiment. Raises ConflictError when there is one of this name, archived ones included."""
    experiment, made = ensure_experiment(name=name, by=by)
    if not made:
        raise ConflictError(
            f"There is an experiment {experiment.name!r}{' (archived)' if experiment.archived else ''}. "
            "Use it, or choose another name.",
            experiment=experiment.pk,
            archived=experiment.archived,
        )
    if notes or tags or artifact_location:
        experiment.notes = clean_text(notes, what="notes", most=MOST_TEXT)
        experiment.tags = _clean_tags(tags or {})
        experiment.artifact_location = clean_text(artifact_location, what="artifact_location", most=MOST_TEXT)
        save_audited(experiment, by=by, reason="Described")
    return experiment


@transaction.atomic
def ensure_experiment(*, name: str, by: User) -> tuple[Experiment, bool]:
    """The experiment of this name and whether it was made for this call; two calls at once make one."""
    name = clean_text(name.strip(), what="experiment", most=MOST_NAME)
    if not name:
        raise RefusedError("An experiment needs a name.", field="experiment")
    found = Experiment.objects.filter(name=name).first()
    if found is not None:
        return found, False
    if not by.has_perm(ADD_EXPERIMENT):
        raise NotAllowedError(f"There is no experiment {name!r}, and you may not make one. Ask an engineer.")
    Experiment.objects.bulk_create([Experiment(name=name, created_by=by)], ignore_conflicts=True)
    experiment = Experiment.objects.select_for_update().get(name=name)
    new = not experiment.history.exists()
    if new:
        save_audited(experiment, by=by, reason="Created")
    return experiment, new


@transaction.atomic
def change_experiment(
    *,
    experiment: Experiment,
    by: User,
    name: str | None = None,
    notes: str | None = None,
    tags: Mapping[str, str | None] | None = None,
) -> Experiment:
    """Rename, describe, tag: what is None stays; a tag whose value is None goes. Raises ConflictError."""
    experiment = _locked(experiment, by)
    if name is not None:
        experiment.name = clean_text(name.strip(), what="name", most=MOST_NAME)
        if not experiment.name:
            raise RefusedError("An experiment needs a name.", field="name")
        if Experiment.objects.filter(name=experiment.name).exclude(pk=experiment.pk).exists():
            raise ConflictError(f"There is another experiment {experiment.name!r}.", field="name")
    if notes is not None:
        experiment.notes = clean_text(notes, what="notes", most=MOST_TEXT)
    if tags is not None:
        merged = {**experiment.tags, **tags}
        experiment.tags = _clean_tags({key: value for key, value in merged.items() if value is not None})
    save_audited(experiment, by=by, reason="Changed")
    return experiment


def archive_experiment(*, experiment: Experiment, by: User) -> Experiment:
    """Hide it from lists; its runs stay as they are, and no new ones begin in it. Twice is once."""
    return _set_archived(experiment, timezone.now(), by, "Archived")


def restore_experiment(*, experiment: Experiment, by: User) -> Experiment:
    return _set_archived(experiment, None, by, "Restored")


@transaction.atomic
def _set_archived(experiment: Experiment, at: datetime | None, by: User, reason: str) -> Experiment:
    experiment = _locked(experiment, by)
    if experiment.archived != (at is not None):
        experiment.archived_at = at
        save_audited(experiment, by=by, reason=reason)
    return experiment


def _locked(experiment: Experiment, by: User) -> Experiment:
    found = Experiment.objects.select_for_update().get(pk=experiment.pk)
    own = found.created_by_id == by.pk and by.has_perm(ADD_EXPERIMENT)
    if not own and not by.has_perm(CHANGE_EXPERIMENT):
        raise NotAllowedError(f"{found.name!r} is not yours. Ask whoever made it, or an engineer.")
    return found


def _clean_tags(tags: Mapping[str, str]) -> dict[str, str]:
    for key, value in tags.items():
        if not isinstance(value, str):
            raise RefusedError(f"tags.{key} is no text.", field=f"tags.{key}")
        if len(value) > MOST_EXPERIMENT_TAG:
            raise TooLargeError(f"tags.{key} has more than {MOST_EXPERIMENT_TAG:,} characters.", field=f"tags.{key}")
    return clean_document(tags, what="tags")
