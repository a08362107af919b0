"""Model cards are written; versions are archived and restored."""

from collections.abc import Iterable, Mapping

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from registry.models import ModelVersion, RegisteredModel, RequestState, Stage
from registry.services.permissions import DESCRIBE, check, locked_model, locked_version
from registry.services.registering import write_card
from registry.texts import clean, clean_tags
from scenes.audit import save_audited
from scenes.errors import ConflictError


@transaction.atomic
def describe_model(
    *, model: RegisteredModel, by: User, description: str | None = None, tags: Iterable[str] | None = None
) -> RegisteredModel:
    """Change description or tags: what is None stays."""
    check(by, DESCRIBE)
    found = locked_model(model.pk)
    if description is not None:
        found.description = clean(description, what="description")
    if tags is not None:
        found.tags = clean_tags(tags)
    save_audited(found, by=by, reason="Described")
    return found


@transaction.atomic
def describe_version(
    *, version: ModelVersion, by: User, card: Mapping[str, str] | None = None, tags: Iterable[str] | None = None
) -> ModelVersion:
    """Change texts of the model card (registering.CARD) or tags: what is left out stays."""
    check(by, DESCRIBE)
    found = locked_version(version)
    write_card(found, card or {})
    if tags is not None:
        found.tags = clean_tags(tags)
    save_audited(found, by=by, reason="Described")
    return found


@transaction.atomic
def archive_version(*, version: ModelVersion, by: User) -> ModelVersion:
    """Take a version out of use; it stays readable, and its artifact can be had. Twice is once.

    Raises ConflictError while it is deployed, an alias points at it, or its promotion is asked for.
    """
    check(by, DESCRIBE)
    found = locked_version(version)
    if found.archived:
        return found
    if found.stage != Stage.DEVELOPMENT:
        raise ConflictError(f"{found} is in {found.get_stage_display()}. Step it down to Development first.")
    alias = found.aliases.first()
    if alias is not None:
        raise ConflictError(f"{found.model.name}@{alias.name} points at {found.label}. Move the alias first.")
    if found.promotion_requests.filter(state=RequestState.OPEN).exists():
        raise ConflictError(f"A promotion of {found} is asked for. Have it decided or withdrawn first.")
    found.archived_at = timezone.now()
    save_audited(found, by=by, reason="Archived")
    return found


@transaction.atomic
def restore_version(*, version: ModelVersion, by: User) -> ModelVersion:
    check(by, DESCRIBE)
    found = locked_version(version)
    if found.archived:
        found.archived_at = None
        save_audited(found, by=by, reason="Restored")
    return found
