"""Gates are set up and retired; what a request does not pass can be waived with a reason."""

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from datasets.models import DatasetVersion, Split
from registry.models import Gate, GateKind, GateScene, PromotionRequest, RegisteredModel, Stage, Waiver
from registry.services.permissions import FOLLOW, GATES, check, locked_model, open_request
from registry.texts import clean, required
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError

MOST_GATES, MOST_SCENES = 50, 50
WHY_WAIVED = "Say why the gate is waived: the reason stays beside the promotion."


@transaction.atomic
def add_gate(
    *,
    model: RegisteredModel,
    kind: str,
    dataset_version: DatasetVersion,
    threshold: float,
    by: User,
    target: str = Stage.PRODUCTION,
    split: str = "",
    slice_name: str = "",
    class_name: str = "",
    scenes: Sequence[int] = (),
) -> Gate:
    """Make a condition for promotions of this model. `scenes` are ids, for must_pass_scenes only.

    Raises RefusedError for what the frozen dataset version does not have: a slice, a class, a scene.
    """
    check(by, GATES)
    locked = locked_model(model.pk)
    _check_choices(kind, target, split, threshold)
    if dataset_version.is_draft:
        raise RefusedError(f"{dataset_version} is a draft. Evidence comes from frozen versions.", field="dataset")
    if kind == GateKind.MAXIMUM_ECE and class_name:
        raise RefusedError("class: the ECE is one of all classes. Leave the class empty.", field="class_name")
    if locked.gates.filter(retired_at=None).count() >= MOST_GATES:
        raise ConflictError(f"{locked.name} has {MOST_GATES} gates. Retire one first.")
    gate = Gate(model=locked, kind=kind, target=target, dataset_version=dataset_version, split=split, created_by=by)
    gate.threshold = threshold
    gate.slice_name = _slice(dataset_version, clean(slice_name, what="slice_name", most=60))
    gate.class_name = _class(dataset_version, clean(class_name, what="class_name", most=100))
    wanted = _scenes(gate, scenes)
    save_audited(gate, by=by, reason="Added")
    GateScene.objects.bulk_create(GateScene(gate=gate, scene_id=pk) for pk in wanted)
    return gate


@transaction.atomic
def retire_gate(*, gate: Gate, by: User) -> Gate:
    """The gate asks nothing of later promotions; what it said of earlier ones stays. Twice is once."""
    check(by, GATES)
    locked_model(gate.model_id)
    found = Gate.objects.select_for_update(of=("self",)).get(pk=gate.pk)
    if found.retired_at is None:
        found.retired_at, found.retired_by = timezone.now(), by
        save_audited(found, by=by, reason="Retired")
    return found


@transaction.atomic
def waive_gate(*, request: PromotionRequest, gate: Gate, by: User, reason: str) -> Waiver:
    """Take the responsibility for a gate that an open request does not pass. Raises RefusedError, ConflictError."""
    check(by, FOLLOW)
    reason = required(reason, what="reason", why=WHY_WAIVED)
    found = open_request(request)
    result = found.results.filter(gate=gate, check_number=found.check_number).first()
    if result is None:
        raise RefusedError("This gate is not one of the promotion's. Check the gates again.", field="gate")
    if result.passed:
        raise ConflictError("The gate is passed: there is nothing to waive.")
    waiver = found.waivers.filter(gate=gate).select_related("person").first()
    if waiver is not None:
        raise ConflictError(f"The gate was waived by {waiver.person.get_username()} already.")
    waiver = Waiver.objects.create(request=found, gate=gate, reason=reason, person=by)
    save_audited(found, by=by, reason=f"Waived {gate}: {reason}"[:2000])
    return waiver


def _check_choices(kind: str, target: str, split: str, threshold: float) -> None:
    for what, given, known in (
        ("kind", kind, GateKind.values),
        ("target", target, [Stage.STAGING, Stage.PRODUCTION]),
        ("split", split, ["", *Split.values]),
    ):
        if given not in known:
            raise RefusedError(f"{what}: {given!r} is unknown. It is one of {', '.join(filter(None, known))}.")
    if not 0 <= threshold <= 1:
        raise RefusedError("threshold: give a number from 0 to 1.", field="threshold")


def _slice(version: DatasetVersion, name: str) -> str:
    if name and not version.slices.filter(name=name).exists():
        names = ", ".join(version.slices.values_list("name", flat=True)[:20]) or "none"
        raise RefusedError(f"slice: {version} has no slice {name!r}. It has {names}.", field="slice_name")
    return name


def _class(version: DatasetVersion, name: str) -> str:
    if not name or version.ontology is None:
        return name
    if not version.ontology.classes.filter(name=name).exists():
        raise RefusedError(f"class: {version.ontology} has no class {name!r}.", field="class_name")
    return name


def _scenes(gate: Gate, scenes: Sequence[int]) -> list[int]:
    wanted = sorted(set(scenes))
    if bool(wanted) != (gate.kind == GateKind.MUST_PASS_SCENES):
        words = "Name the scenes that must pass." if not wanted else "Only must-pass gates name scenes."
        raise RefusedError(f"scenes: {words}", field="scenes")
    if len(wanted) > MOST_SCENES:
        raise RefusedError(f"scenes: {len(wanted)} scenes, {MOST_SCENES} are allowed in one gate.", field="scenes")
    there = set(gate.dataset_version.items.filter(scene__in=wanted).values_list("scene_id", flat=True))
    missing = [pk for pk in wanted if pk not in there]
    if missing:
        named = ", ".join(map(str, missing[:5]))
        raise RefusedError(f"scenes: {gate.dataset_version} has no scene {named}.", field="scenes")
    return wanted
