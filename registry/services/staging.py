"""Versions move between stages, one exchange at a time; the record of it is never changed."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from registry.models import ModelVersion, Move, PromotionRequest, RegisteredModel, Stage, StageTransition
from registry.selectors import production_stack
from registry.services.announcing import announce_move
from registry.services.permissions import APPROVE, FOLLOW, check, locked_model, locked_version
from registry.texts import required
from scenes.audit import save_audited
from scenes.errors import ConflictError

WHY_BACK = "Say why it is rolled back: whoever reads the history wants to know."
WHY_DOWN = "Say why it steps down: whoever reads the history wants to know."


def move(
    version: ModelVersion,
    stage: str,
    *,
    as_: Move,
    by: User,
    at: datetime,
    reason: str = "",
    request: PromotionRequest | None = None,
) -> StageTransition:
    """Bring a locked version to a stage and write it down. Whoever is in Production must have left before."""
    transition = StageTransition(
        model=version.model,
        version=version,
        from_stage=version.stage,
        to_stage=stage,
        move=as_,
        request=request,
        reason=reason,
        person=by,
        at=at,
    )
    version.stage = stage
    save_audited(version, by=by, reason=f"{as_.label}: {reason}" if reason else str(as_.label))
    transition.save()
    announce_move(transition)
    return transition


def in_production(model: RegisteredModel) -> ModelVersion | None:
    """The version in Production, of a model that is locked."""
    rows = ModelVersion.objects.select_for_update(of=("self",), no_key=True)
    found = rows.filter(model=model, stage=Stage.PRODUCTION).first()
    if found is not None:
        found.model = model
    return found


@transaction.atomic
def roll_back(*, model: RegisteredModel, by: User, reason: str, seen: int | None = None) -> ModelVersion:
    """Bring back the version that was in Production before the present one, which steps back to Staging.

    Twice goes back two versions. `seen` is the id of the version that the person saw in Production: when another one
    is by now, nothing happens. Raises ConflictError when there is nothing to go back to.
    """
    check(by, APPROVE)
    reason = required(reason, what="reason", why=WHY_BACK)
    locked = locked_model(model.pk)
    present = in_production(locked)
    if present is None:
        raise ConflictError(f"No version of {locked.name} is in Production.")
    if seen is not None and seen != present.pk:
        raise ConflictError(f"{present} is in Production by now. Look again before you roll back.", version=present.pk)
    stack = production_stack(locked)
    if len(stack) < 2:
        raise ConflictError(f"{present} is the first version in Production: there is none to go back to.")
    previous = locked_version(ModelVersion.objects.get(pk=stack[-2]))
    if previous.archived:
        raise ConflictError(f"{previous} was in Production before, and is archived. Restore it first.")
    at = timezone.now()
    move(present, Stage.STAGING, as_=Move.ROLLED_BACK, by=by, at=at, reason=reason)
    move(previous, Stage.PRODUCTION, as_=Move.RETURNED, by=by, at=at, reason=reason)
    return previous


@transaction.atomic
def step_down(*, version: ModelVersion, by: User, reason: str) -> ModelVersion:
    """From Production to Staging, or from Staging to Development. Only approvers empty Production."""
    locked = locked_version(version)
    check(by, APPROVE if locked.stage == Stage.PRODUCTION else FOLLOW)
    if locked.stage == Stage.DEVELOPMENT:
        raise ConflictError(f"{locked} is in Development: it can't step down further. Archive it instead.")
    reason = required(reason, what="reason", why=WHY_DOWN)
    lower = Stage.STAGING if locked.stage == Stage.PRODUCTION else Stage.DEVELOPMENT
    move(locked, lower, as_=Move.STEPPED_DOWN, by=by, at=timezone.now(), reason=reason)
    return locked
