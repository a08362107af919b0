"""Making evaluations, and discarding drafts."""

import math
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import connection, transaction

from datasets.models import DatasetVersion, Split, VersionState
from experiments.models import Run
from experiments.services import version_named
from experiments.wishes import clean_text, sayable
from registry.models import ModelVersion
from registry.selectors import resolve, runs_of_members
from scenes.audit import save_audited
from scenes.errors import ConflictError, MissingError, NotAllowedError, RefusedError
from uncertainty import scores
from uncertainty.models import Aggregator, Evaluation, EvaluationMember, EvaluationState, Measure
from uncertainty.services.access import ADD, locked
from uncertainty.wishes import MOST_CUSTOM_NAME, MOST_MEMBERS, MOST_NAME, MOST_NOTES, EvaluationWishes

NATS, NORMALISED = "nats", "normalised"
# Measures whose range is 0..1 by themselves.
ALWAYS_NORMALISED = frozenset({Measure.VARIATION_RATIO, Measure.DISAGREEMENT})
IDENTITY = (
    "name", "run", "model_version", "dataset_version", "split", "measure", "custom_name", "normalised", "classes",
    "aggregator", "threshold", "low", "high",
)  # fmt: skip


@dataclass(frozen=True)
class Created:
    """An evaluation, and whether this very call made it."""

    evaluation: Evaluation
    new: bool


@transaction.atomic
def create_evaluation(*, wishes: EvaluationWishes, by: User) -> Created:
    """Make a draft that takes scores. The same wishes again answer with the draft that they made, so that a script
    that was interrupted goes on with it.

    Raises RefusedError naming the field, ConflictError for a dataset version that is not frozen, NotAllowedError.
    """
    if not by.has_perm(ADD):
        raise NotAllowedError("You may not make evaluations. Ask for the role trainer or engineer.")
    model = _model(wishes.model) if wishes.model else None
    evaluation, members = _evaluation_of(wishes, model), _members(wishes, model)
    evaluation.low, evaluation.high = _range(wishes, evaluation, len(members))
    evaluation.created_by = by
    _wait_for_twins(by)
    known = _known_draft(evaluation, [run.pk for run in members])
    if known is not None:
        return Created(known, new=False)
    save_audited(evaluation, by=by, reason="Made")
    EvaluationMember.objects.bulk_create(
        EvaluationMember(evaluation=evaluation, run=run, position=place) for place, run in enumerate(members)
    )
    return Created(evaluation, new=True)


def _model(name: str) -> ModelVersion:
    try:
        return resolve(name)
    except MissingError as error:
        raise RefusedError(f"model: {error}", field="model") from error


def _evaluation_of(wishes: EvaluationWishes, model: ModelVersion | None) -> Evaluation:
    measure = _one_of("measure", wishes.measure, Measure.values)
    aggregator = _one_of("aggregator", wishes.aggregator, Aggregator.values)
    split = _one_of("split", wishes.split, ["", *Split.values])
    normalised = wishes.normalised or measure in ALWAYS_NORMALISED
    if normalised and measure == Measure.VARIANCE:
        raise RefusedError("normalised: variance lies in 0..0.25 and has no normalised form.", field="normalised")
    name = clean_text(wishes.name.strip(), what="name", most=MOST_NAME) or (str(model) if model else "")
    run = _run(wishes.run, "run") if wishes.run else model.run if model else None
    if not name and run is None:
        raise RefusedError("name: name the model or ensemble, or the run that was evaluated.", field="name")
    unit = NORMALISED if normalised else NATS if measure in scores.IN_NATS else ""
    return Evaluation(
        name=name,
        run=run,
        model_version=model,
        dataset_version=_version(wishes.dataset),
        split=split,
        measure=measure,
        custom_name=_custom_name(wishes, measure),
        normalised=normalised,
        unit=unit,
        classes=wishes.classes,
        aggregator=aggregator,
        threshold=_threshold(wishes, aggregator),
        notes=clean_text(wishes.notes, what="notes", most=MOST_NOTES),
    )


def _one_of(field: str, value: str, known: list[str]) -> str:
    if value not in known:
        told = ", ".join(one or '""' for one in known)
        raise RefusedError(f"{field}: there is no {sayable(value)!r}. Use one of: {told}.", field=field)
    return value


def _run(number: int, field: str) -> Run:
    run = Run.objects.filter(pk=number).first()
    if run is None:
        raise RefusedError(f"{field}: there is no run-{number}.", field=field)
    return run


def _members(wishes: EvaluationWishes, model: ModelVersion | None) -> list[Run]:
    """The runs that are told, else those of the registered ensemble."""
    if model is not None and not wishes.members:
        return runs_of_members(model)
    if len(wishes.members) > MOST_MEMBERS:
        raise RefusedError(f"members: {len(wishes.members)}, {MOST_MEMBERS} are allowed.", field="members")
    if len(set(wishes.members)) < len(wishes.members):
        raise RefusedError("members: a run stands twice in them.", field="members")
    return [_run(number, f"members[{place}]") for place, number in enumerate(wishes.members)]


def _version(name: str) -> DatasetVersion:
    version = version_named(name)
    if version.state != VersionState.FROZEN:
        raise ConflictError(
            f"{version} is {version.get_state_display().lower()}. Evaluate on a frozen one: only those stay.",
            state=version.state,
        )
    return version


def _custom_name(wishes: EvaluationWishes, measure: str) -> str:
    name = clean_text(wishes.custom_name.strip(), what="custom_name", most=MOST_CUSTOM_NAME)
    if (measure == Measure.CUSTOM) != bool(name):
        words = "a custom measure needs a name" if not name else f"only a custom measure has one, not {measure}"
        raise RefusedError(f"custom_name: {words}.", field="custom_name")
    return name


def _threshold(wishes: EvaluationWishes, aggregator: str) -> float | None:
    if aggregator != Aggregator.FRACTION:
        if wishes.threshold is not None:
            raise RefusedError(f"threshold: {aggregator} has none, only fraction>t.", field="threshold")
        return None
    if wishes.threshold is None or not math.isfinite(wishes.threshold):
        raise RefusedError("threshold: fraction>t needs one, in the unit of the measure.", field="threshold")
    return wishes.threshold


def _range(wishes: EvaluationWishes, evaluation: Evaluation, members: int) -> tuple[float, float]:
    """Where the values of points lie: as it follows from the measure, or as it was said."""
    facts = {"normalised": evaluation.normalised, "classes": wishes.classes, "members": members or None}
    known = scores.range_of(evaluation.measure, **facts)  # type: ignore[arg-type]
    low = wishes.low if wishes.low is not None else known[0] if known else 0.0
    high = wishes.high if wishes.high is not None else known[1] if known else None
    if high is None:
        remedy = "say `high`" if evaluation.measure == Measure.CUSTOM else "say `classes`, `high`, or normalise"
        raise RefusedError(
            f"high: the range of {evaluation.measure_title.lower()} is not known; {remedy}.", field="high"
        )
    if not (math.isfinite(low) and math.isfinite(high) and 0 <= low < high):
        raise RefusedError(f"low, high: {low:g}..{high:g} is no range from 0 on.", field="high")
    if known and (low < known[0] or high > known[1] + 1e-9):
        told = f"{known[0]:g}..{known[1]:g}"
        raise RefusedError(
            f"low, high: {evaluation.measure_title.lower()} ({evaluation.unit or 'no unit'}) lies in {told}.",
            field="high",
        )
    return low, high


def _wait_for_twins(by: User) -> None:
    """Two calls with the same wishes make one draft: the second waits for the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"evaluations of {by.pk}"])


def _known_draft(evaluation: Evaluation, members: list[int]) -> Evaluation | None:
    wanted = {name: getattr(evaluation, name) for name in IDENTITY}
    drafts = Evaluation.objects.filter(state=EvaluationState.DRAFT, created_by=evaluation.created_by, **wanted)
    for draft in drafts.order_by("-pk")[:20]:
        if list(draft.members.order_by("position").values_list("run_id", flat=True)) == members:
            return draft
    return None


@transaction.atomic
def discard_draft(*, evaluation: Evaluation, by: User) -> None:
    """Remove a draft with its scores. Raises ConflictError once it is finished: then it can be withdrawn."""
    found = locked(evaluation, by=by)
    found.refuse_unless_draft()
    found._history_user, found._change_reason = by, "Discarded"  # type: ignore[attr-defined]
    found.delete()


@transaction.atomic
def change_notes(*, evaluation: Evaluation, notes: str, by: User) -> Evaluation:
    """Say something about a draft. What is finished keeps its notes."""
    found = locked(evaluation, by=by)
    found.refuse_unless_draft()
    found.notes = clean_text(notes, what="notes", most=MOST_NOTES)
    save_audited(found, by=by, reason="Notes")
    return found
