"""What a run predicts: declared once, before its first frame; withdrawn whole."""

import math
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from experiments.models import PredictionSet, Run, UncertaintyMeasure
from experiments.services.access import open_run
from experiments.wishes import clean_text
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError
from scenes.history_sets import record_history
from scenes.models import Ontology

NATS, NORMALISED = "nats", "normalised"
IN_NATS = (
    UncertaintyMeasure.PREDICTIVE_ENTROPY,
    UncertaintyMeasure.MUTUAL_INFORMATION,
    UncertaintyMeasure.EXPECTED_ENTROPY,
)
# The largest variance of a number in 0..1, and so of a mean over classes.
LARGEST_VARIANCE = 0.25


@transaction.atomic
def declare_predictions(
    *,
    run: Run,
    ontology: Ontology,
    by: User,
    measure: str = "",
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    claim: str = "",
) -> PredictionSet:
    """Say in which ontology a run predicts, and what its uncertainty per point measures ("": it gives none).

    Without `low` and `high` the ends follow from the measure: 0..ln K nats for entropies of K classes, 0..1 for
    normalised ones and ratios, 0..0.25 for variances; a custom measure needs both. The same again, or no measure,
    changes nothing. Once a frame is there other facts are refused with ConflictError; a measure may still be added.
    """
    run = open_run(run, by=by, claim=claim)
    facts = _measured(measure, unit, low, high, ontology)
    known = PredictionSet.objects.filter(run=run).select_related("ontology").first()
    if known is None:
        known = PredictionSet(run=run, ontology=ontology, declared_by=by, **facts)
        save_audited(known, by=by, reason=f"Predicts in {ontology}")
        return known
    return _declared_again(known, ontology, facts, by)


def _declared_again(known: PredictionSet, ontology: Ontology, facts: dict[str, Any], by: User) -> PredictionSet:
    had = {name: getattr(known, name) for name in facts}
    wanted = facts if facts["measure"] else had
    if known.ontology_id == ontology.pk and wanted == had:
        return known
    other_measure = bool(known.measure) and wanted != had
    if known.frame_count and (known.ontology_id != ontology.pk or other_measure):
        kept = f"{known.ontology}, {_words(had)}"
        raise ConflictError(
            f"{known.run} predicts in {kept}, and {known.frame_count:,} frames are there. "
            "Declare the same, withdraw its predictions first, or log to another run.",
            ontology=known.ontology.name,
            **had,
        )
    known.ontology = ontology
    for name, value in wanted.items():
        setattr(known, name, value)
    save_audited(known, by=by, reason=f"Predicts in {ontology}, {_words(wanted)}")
    return known


def _words(facts: dict[str, Any]) -> str:
    if not facts["measure"]:
        return "no uncertainty"
    unit = f" {facts['unit']}" if facts["unit"] else ""
    return f"{facts['measure']} {facts['low']:g}..{facts['high']:g}{unit}"


def _measured(measure: str, unit: str, low: float | None, high: float | None, ontology: Ontology) -> dict[str, Any]:
    """The facts of a measure with its unit and ends. Raises RefusedError that names the field."""
    if not measure:
        if unit or low is not None or high is not None:
            raise RefusedError("measure: a unit or range is given without one. Say what it measures.", field="measure")
        return {"measure": "", "unit": "", "low": None, "high": None}
    if measure not in UncertaintyMeasure.values:
        known = ", ".join(UncertaintyMeasure.values)
        raise RefusedError(f"measure: {measure[:40]!r} is not known. Use one of: {known}.", field="measure")
    unit = _unit(measure, unit)
    least, most = (None, None) if measure == UncertaintyMeasure.CUSTOM else (0.0, _largest(measure, unit, ontology))
    low, high = least if low is None else low, most if high is None else high
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise RefusedError("low, high: give both ends of the measure, low below high.", field="low")
    return {"measure": measure, "unit": unit, "low": float(low), "high": float(high)}


def _unit(measure: str, unit: str) -> str:
    if measure == UncertaintyMeasure.CUSTOM:
        return clean_text(unit, what="unit", most=32)
    allowed = (NATS, NORMALISED) if measure in IN_NATS else ("",)
    unit = unit or allowed[0]
    if unit not in allowed:
        words = " or ".join(allowed).strip() or "no unit"
        raise RefusedError(f"unit: {unit[:40]!r} does not fit {measure}. Use {words}.", field="unit")
    return unit


def _largest(measure: str, unit: str, ontology: Ontology) -> float:
    if measure == UncertaintyMeasure.VARIANCE:
        return LARGEST_VARIANCE
    return math.log(max(2, ontology.classes.count())) if unit == NATS else 1.0


@transaction.atomic
def withdraw_predictions(*, run: Run, by: User, claim: str = "") -> int:
    """Take back all frames of a run, so that it may predict anew, also in another ontology; returns how many.

    History keeps who predicted what, evaluations keep their numbers and say that they are outdated; the bytes go when
    nothing else needs them. Raises RefusedError when nothing was declared.
    """
    run = open_run(run, by=by, claim=claim)
    declared = PredictionSet.objects.filter(run=run).first()
    if declared is None:
        raise RefusedError(f"{run} has no predictions.")
    frames = record_history(declared.frames.all(), by=by, reason="Withdrawn", kind="-")
    declared.frames.all()._raw_delete(declared.frames.db)
    declared.refresh_from_db()
    save_audited(declared, by=by, reason=f"Withdrew {frames:,} frames")
    return frames
