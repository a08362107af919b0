"""Aliases: names that point at one version each, moved in one step."""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from registry.models import ALIAS, Alias, ModelVersion, RegisteredModel, Stage
from registry.services.permissions import DESCRIBE, check, locked_model, locked_version
from registry.texts import named
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError

MOST_ALIAS = 60
# What model@name means without an alias; labels of versions begin with v and a digit.
RESERVED = frozenset({"latest", *Stage.values})
ALIAS_WORDS = "Use small letters, digits, dashes and underscores, and begin with a letter."


@transaction.atomic
def set_alias(*, version: ModelVersion, name: str, by: User) -> Alias:
    """Make the alias point at this version, whatever it pointed at before. Raises RefusedError, ConflictError."""
    check(by, DESCRIBE)
    name = named(name, ALIAS, what="alias", words=ALIAS_WORDS, most=MOST_ALIAS)
    if name in RESERVED or (name[0] == "v" and name[1:2].isdigit()):
        raise RefusedError(f"alias: {name!r} means something already. Choose another.", field="alias")
    found = locked_version(version)
    if found.archived:
        raise ConflictError(f"{found} is archived. Restore it first.")
    alias = Alias.objects.filter(model=found.model, name=name).select_related("version").first()
    if alias is not None and alias.version_id == found.pk:
        return alias
    reason = f"Moved from {alias.version.label} to {found.label}" if alias else f"Set to {found.label}"
    alias = alias or Alias(model=found.model, name=name)
    alias.version, alias.moved_by, alias.moved_at = found, by, timezone.now()
    save_audited(alias, by=by, reason=reason)
    return alias


@transaction.atomic
def remove_alias(*, model: RegisteredModel, name: str, by: User) -> None:
    """Raises RefusedError when the model has no such alias."""
    check(by, DESCRIBE)
    locked = locked_model(model.pk)
    alias = Alias.objects.filter(model=locked, name=name).first()
    if alias is None:
        raise RefusedError(f"{locked.name} has no alias {name[:MOST_ALIAS]!r}.", field="alias")
    alias._history_user, alias._change_reason = by, "Removed"  # type: ignore[attr-defined]
    alias.delete()
