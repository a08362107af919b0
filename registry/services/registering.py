"""Models and versions are registered: a run and the path of an artifact are enough."""

import re
from collections.abc import Iterable, Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from experiments.models import Artifact, Run, RunStatus
from registry import snapshots
from registry.models import (
    LABEL,
    LABEL_WORDS,
    NAME,
    NAME_WORDS,
    EnsembleMember,
    ModelKind,
    ModelVersion,
    Move,
    RegisteredModel,
    Stage,
    StageTransition,
)
from registry.services.announcing import announce_move
from registry.services.permissions import REGISTER, check, locked_model
from registry.texts import clean, clean_tags, named
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError
from scenes.models import Ontology

# Addresses of the site below /models/.
RESERVED_NAMES = frozenset({"promote", "compare", "webhooks", "new"})
CARD = ("release_notes", "intended_use", "training_data", "limits", "licence")
MOST_LICENCE, MOST_LABEL, MOST_NAME, MOST_MEMBERS, MOST_NAMED_PATHS = 200, 40, 100, 100, 5
Member = ModelVersion | Run


@transaction.atomic
def register_model(
    *, name: str, by: User, kind: str = ModelKind.SINGLE, description: str = "", tags: Iterable[str] = ()
) -> RegisteredModel:
    """A new model without versions. Raises ConflictError when there is one of this name."""
    model, made = _ensured(name, kind, by)
    if not made:
        raise ConflictError(f"There is a model {model.name} already. Add a version to it.", field="name")
    if description or tags:
        model.description, model.tags = clean(description, what="description"), clean_tags(tags)
        save_audited(model, by=by, reason="Described")
    return model


@transaction.atomic
def register_version(
    *,
    model: str,
    by: User,
    run: Run | None = None,
    artifact_path: str = "",
    label: str = "",
    members: Sequence[Member] = (),
    tags: Iterable[str] = (),
    card: Mapping[str, str] | None = None,
) -> ModelVersion:
    """Register what a run made as the next version of a model, which is made when there is none of this name.

    Without `artifact_path` the run's only artifact is taken. Its bytes are pinned by their sha256: what becomes of the
    run's artifact later changes nothing here. `members` (registered versions or runs, in their order) make an
    ensemble, which needs neither run nor artifact; its run, when given, is the one that logged its joint predictions.
    `label` is v3.2 or the like, else the next one. `card` has texts by the names of CARD.

    The server's figures of the run are kept as they are now. Raises RefusedError, ConflictError, NotAllowedError.
    """
    kind = ModelKind.ENSEMBLE if members else ModelKind.SINGLE
    row, _ = _ensured(model, kind, by)
    if row.kind != kind:
        raise ConflictError(f"{row.name} keeps versions of another kind: {ModelKind(row.kind).label.lower()}.")
    if run is None and not members:
        raise RefusedError("A version is made of a run, or of members. Give one of them.", field="run")
    _check_run(run)
    artifact = _artifact(run, artifact_path, needed=not members)
    version = ModelVersion(model=row, run=run, artifact=artifact, created_by=by, tags=clean_tags(tags))
    if artifact is not None:
        _check_new(row, artifact)
        version.file, version.digest = artifact.file, artifact.file.digest
        version.artifact_path = artifact.path
    _number(version, label)
    write_card(version, card or {})
    _pin_facts(version, members)
    save_audited(version, by=by, reason=f"Registered from {run}" if run else "Registered")
    _keep_members(version, members)
    transition = StageTransition.objects.create(
        model=row,
        version=version,
        to_stage=Stage.DEVELOPMENT,
        move=Move.REGISTERED,
        person=by,
        at=timezone.now(),
    )
    announce_move(transition)
    return version


def write_card(version: ModelVersion, card: Mapping[str, str]) -> None:
    """Put texts of a model card into a version, by name. Raises RefusedError for a name that is not of CARD."""
    unknown = sorted(set(card) - set(CARD))
    if unknown:
        raise RefusedError(f"A model card has no {', '.join(unknown)}. It has {', '.join(CARD)}.", field=unknown[0])
    for name, text in card.items():
        most = {"most": MOST_LICENCE} if name == "licence" else {}
        setattr(version, name, clean(text, what=name, **most))


def _ensured(name: str, kind: str, by: User) -> tuple[RegisteredModel, bool]:
    """The model of this name, locked, and whether it was made for this call; two calls at once make one."""
    check(by, REGISTER)
    name = named(name, NAME, what="model", words=NAME_WORDS, most=MOST_NAME)
    if name.lower() in RESERVED_NAMES:
        raise RefusedError(f"model: {name!r} is an address of this site. Choose another name.", field="model")
    if kind not in ModelKind.values:
        raise RefusedError(f"kind: {kind!r} is unknown. It is one of {', '.join(ModelKind.values)}.", field="kind")
    RegisteredModel.objects.bulk_create([RegisteredModel(name=name, kind=kind, created_by=by)], ignore_conflicts=True)
    model = locked_model(RegisteredModel.objects.values_list("pk", flat=True).get(name=name))
    made = not model.history.exists()
    if made:
        save_audited(model, by=by, reason="Registered")
    return model, made


def _check_run(run: Run | None) -> None:
    if run is None:
        return
    if run.archived:
        raise ConflictError(f"{run} is archived. Restore it first.", field="run")
    if run.status == RunStatus.QUEUED:
        raise ConflictError(f"{run} has not begun. Register what it makes when it has.", field="run")


def _artifact(run: Run | None, path: str, *, needed: bool) -> Artifact | None:
    """The artifact of the run with this path; without one the only artifact there is. Held, so that it stays."""
    if run is None:
        if path:
            raise RefusedError("An artifact belongs to a run. Say which one.", field="run")
        return None
    found = Artifact.objects.select_related("file").select_for_update(of=("self",), no_key=True).filter(run=run)
    if path:
        artifact = found.filter(path=path).first()
        if artifact is None:
            raise RefusedError(f"{run} has no artifact {path[:200]!r}.{_offered(run)}", field="artifact_path")
        return artifact
    some = list(found[:2])
    if len(some) == 1:
        return some[0]
    if some or needed:
        what = f"{run} has several artifacts. Say which is the model." if some else f"{run} has no artifact."
        raise RefusedError(f"{what}{_offered(run)}", field="artifact_path")
    return None


def _offered(run: Run) -> str:
    paths = list(run.artifacts.order_by("path").values_list("path", flat=True)[: MOST_NAMED_PATHS + 1])
    if not paths:
        return " Log the model as an artifact of it first."
    return f" There are {', '.join(paths[:MOST_NAMED_PATHS])}{' and more' if len(paths) > MOST_NAMED_PATHS else ''}."


def _check_new(model: RegisteredModel, artifact: Artifact) -> None:
    same = model.versions.filter(run=artifact.run_id, digest=artifact.file.digest).first()
    if same is not None:
        raise ConflictError(
            f"{artifact.path} of {artifact.run} is {model.name} {same.label} already.",
            version=same.pk,
            label=same.label,
        )


def _number(version: ModelVersion, label: str) -> None:
    newest = version.model.versions.order_by("-number").first()
    version.number = newest.number + 1 if newest else 1
    given = named(label, LABEL, what="version", words=LABEL_WORDS, most=MOST_LABEL) if label else ""
    version.label = given or next_label(newest.label if newest else "", version.number)
    if version.model.versions.filter(label=version.label).exists():
        raise ConflictError(f"{version.model.name} has a version {version.label}. Give another label.", field="label")


def next_label(newest: str, number: int) -> str:
    """The label after the newest one, its last number raised: v3.2 is followed by v3.3; else v and the number.

    >>> next_label("v3.2", 5), next_label("v7", 8), next_label("v4-rc1", 9), next_label("", 1)
    ('v3.3', 'v8', 'v9', 'v1')
    """
    if not re.fullmatch(r"v[0-9]+(\.[0-9]+)*", newest):
        return f"v{number}"
    head, dot, last = newest.removeprefix("v").rpartition(".")
    return f"v{head}{dot}{int(last) + 1}"


def _pin_facts(version: ModelVersion, members: Sequence[Member]) -> None:
    version.member_count = len(members)
    if len(members) > MOST_MEMBERS:
        raise RefusedError(f"{len(members)} members, {MOST_MEMBERS} are allowed.", field="members")
    run = version.run
    version.dataset_version = run.dataset_version if run else None
    version.ontology = _ontology(run) or _common_ontology(members)
    taken = snapshots.take(run)
    version.metrics, version.contaminated = taken.document, taken.contaminated
    version.miou, version.ece, version.ause = taken.miou, taken.ece, taken.ause


def _ontology(run: Run | None) -> Ontology | None:
    """What the run's predictions speak, else what its dataset version pins."""
    if run is None:
        return None
    found = Ontology.objects.filter(prediction_sets__run=run).first()
    return found or (run.dataset_version.ontology if run.dataset_version else None)


def _common_ontology(members: Sequence[Member]) -> Ontology | None:
    found = {one.ontology if isinstance(one, ModelVersion) else _ontology(one) for one in members}
    known = [ontology for ontology in found if ontology is not None]
    if len(known) > 1:
        names = ", ".join(sorted(str(one) for one in known))
        raise RefusedError(f"The members speak several ontologies: {names}.", field="members")
    return known[0] if known else None


def _keep_members(version: ModelVersion, members: Sequence[Member]) -> None:
    rows = []
    for position, member in enumerate(members, start=1):
        of = {"version": member} if isinstance(member, ModelVersion) else {"run": member}
        if isinstance(member, Run):
            _check_run(member)
        rows.append(EnsembleMember(ensemble=version, position=position, **of))
    if len({(row.version_id, row.run_id) for row in rows}) != len(rows):
        raise RefusedError("A member is named twice.", field="members")
    EnsembleMember.objects.bulk_create(rows)
