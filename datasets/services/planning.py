"""The plan of a draft: how its scenes are to be split. Two people who change it at once are told of each other."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from datasets.models import DatasetVersion
from datasets.services.drafting import PLAN
from datasets.services.permissions import locked_draft
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError

PERCENTAGES = ["train_percent", "val_percent", "test_percent"]


@transaction.atomic
def set_plan(
    *, version: DatasetVersion, plan: Mapping[str, Any], by: User | None, plan_number: int | None = None
) -> DatasetVersion:
    """Change the fields of the plan that `plan` names (datasets.services.drafting.PLAN).

    `plan_number` is the one that the person saw; when the plan changed since, ConflictError tells who changed what.
    Without it the change is made whatever was there. Raises RefusedError for unknown fields and for percentages
    that do not sum to 100, ValidationError for values that a field does not take.
    """
    unknown = sorted(set(plan) - set(PLAN))
    if unknown:
        raise RefusedError(f"The plan has no {', '.join(unknown)}. It has {', '.join(PLAN)}.")
    locked = locked_draft(version, by)
    if plan_number is not None and plan_number != locked.plan_number:
        _tell_conflict(locked)
    changed = [name for name, value in plan.items() if getattr(locked, name) != value]
    for name in changed:
        setattr(locked, name, plan[name])
    _check(locked)
    if not changed:
        return locked
    locked.plan_number += 1
    locked.plan_changed_by, locked.plan_changed_fields, locked.drawn = by, sorted(changed), {}
    save_audited(locked, by=by, reason=f"Plan changed: {', '.join(sorted(changed))}")
    return locked


def _tell_conflict(version: DatasetVersion) -> None:
    who = version.plan_changed_by.get_username() if version.plan_changed_by else "somebody"
    what = ", ".join(version.plan_changed_fields) or "it"
    raise ConflictError(
        f"{who} changed the plan of {version} meanwhile: {what}. Look at it, then change it again.",
        plan_number=version.plan_number,
        changed_by=who,
        changed_fields=version.plan_changed_fields,
        plan={name: _told(getattr(version, name)) for name in version.plan_changed_fields},
    )


def _told(value: Any) -> Any:
    return value if isinstance(value, bool | int | str | None) else str(value)


def _check(version: DatasetVersion) -> None:
    percentages = [getattr(version, name) for name in PERCENTAGES]
    if all(isinstance(one, int) for one in percentages) and sum(percentages) != 100:
        told = " + ".join(map(str, percentages))
        raise RefusedError(f"The splits are {told} = {sum(percentages)} %. They must sum to 100.")
    version.clean_fields(exclude=[field.name for field in version._meta.fields if field.name not in PLAN])
    version.validate_constraints(exclude=[field.name for field in version._meta.fields if field.name not in PLAN])
