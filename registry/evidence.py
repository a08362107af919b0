"""What a gate says of a version, by the server's own evaluations of its run. Trainer-reported numbers never count.

An evaluation counts when it is done, was computed from the predictions and labels of now, is on the gate's dataset
version and covers its split; and when neither its scenes nor their drives were trained on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from experiments import evaluation_selectors as evaluations
from experiments.models import ContaminationState, EvaluationState, RunEvaluation
from registry.models import Gate, GateKind, ModelVersion
from scenes.models import Scene

MOST_NAMED = 5


@dataclass(frozen=True)
class Told:
    """What a gate says. `measured` is None where nothing counts; `words` say why, and what to do."""

    passed: bool
    words: str
    measured: float | None = None
    contaminated: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)


class NoEvidenceError(Exception):
    """There is nothing that a gate could look at; the words say why."""

    def __init__(self, words: str, *, contaminated: bool = False, evidence: dict[str, Any] | None = None) -> None:
        super().__init__(words)
        self.contaminated = contaminated
        self.evidence = evidence or {}


def told_by(gates: Iterable[Gate], version: ModelVersion, present: ModelVersion | None) -> list[tuple[Gate, Told]]:
    """What each gate says of the version; `present` is the version in Production, which it must not fall behind."""
    return [(gate, _told(gate, version, present)) for gate in gates]


def _told(gate: Gate, version: ModelVersion, present: ModelVersion | None) -> Told:
    try:
        evaluation = evidence_of(gate, version)
        return WAYS[GateKind(gate.kind)](gate, evaluation, present)
    except NoEvidenceError as missing:
        return Told(False, str(missing), contaminated=missing.contaminated, evidence=missing.evidence)


def evidence_of(gate: Gate, version: ModelVersion) -> RunEvaluation:
    """The newest evaluation that counts for a gate. Raises NoEvidenceError."""
    where = f"{gate.dataset_version}{f' ({gate.get_split_display()})' if gate.split else ''}"
    if version.run_id is None:
        raise NoEvidenceError(f"{version} has no run whose predictions could be evaluated on {where}.")
    done = RunEvaluation.objects.filter(run=version.run_id, dataset_version=gate.dataset_version_id)
    done = done.filter(state=EvaluationState.DONE, current=True).order_by("-pk")
    covering = [one for one in done if not gate.split or gate.split in one.splits]
    if not covering:
        raise NoEvidenceError(f"run-{version.run_id} was not evaluated on {where}. Evaluate it there.")
    current = [one for one in covering if not one.outdated]
    if not current:
        why = covering[0].outdated_reason
        raise NoEvidenceError(
            f"The evaluation of run-{version.run_id} on {where} is outdated ({why}). Compute it again."
        )
    evaluation = current[0]
    if not evaluation.is_clean:
        raise _uncounted(evaluation)
    return evaluation


def _uncounted(evaluation: RunEvaluation) -> NoEvidenceError:
    """Why an evaluation that is not known to be clean does not count."""
    named = _named(evaluation)
    if evaluation.contamination == ContaminationState.UNKNOWN:
        words = (
            f"The evidence does not count: nobody knows what run-{evaluation.run_id} was trained on. Name its dataset."
        )
        return NoEvidenceError(words, evidence=named)
    scenes, drives = evaluation.trained_scenes, evaluation.trained_drives
    words = f"The evidence does not count: {scenes} of its scenes and {drives} of its drives were trained on."
    return NoEvidenceError(words, contaminated=True, evidence=named)


def _named(evaluation: RunEvaluation) -> dict[str, Any]:
    return {
        "evaluation": evaluation.pk,
        "run": evaluation.run_id,
        "dataset_version": evaluation.dataset_version_id,
        "splits": list(evaluation.splits),
        "rule": evaluation.rule,
    }


def _figures(gate: Gate, evaluation: RunEvaluation, scenes: list[int] | None = None) -> evaluations.Figures:
    return evaluations.figures(evaluation, split=gate.split, slice=gate.slice_name, scenes=scenes)


def iou_of(figures: evaluations.Figures, class_name: str) -> float | None:
    """The IoU of a class, or the mIoU for no name; None where there is none of it."""
    if not class_name:
        return figures.miou
    found = [figures.of_class(kind["index"]) for kind in figures.classes if kind["name"] == class_name]
    return found[0] if found else None


def _measured(gate: Gate, evaluation: RunEvaluation) -> float:
    figures = _figures(gate, evaluation)
    value = iou_of(figures, gate.class_name)
    if not figures.points or value is None:
        raise NoEvidenceError(f"{_what(gate)}: no point of it was evaluated.", evidence=_named(evaluation))
    return value


def _what(gate: Gate) -> str:
    return gate.measures


def _minimum_iou(gate: Gate, evaluation: RunEvaluation, present: ModelVersion | None) -> Told:
    value = _measured(gate, evaluation)
    passed = value >= gate.threshold
    words = f"{_what(gate)} is {value:.3f}, at least {gate.threshold:.3f} is asked for."
    return Told(passed, words, value, evidence=_named(evaluation))


def _maximum_ece(gate: Gate, evaluation: RunEvaluation, present: ModelVersion | None) -> Told:
    value = _figures(gate, evaluation).ece
    if value is None:
        raise NoEvidenceError(
            f"run-{evaluation.run_id} logged no confidence, so that there is no ECE.", evidence=_named(evaluation)
        )
    words = f"{_what(gate)} is {value:.3f}, at most {gate.threshold:.3f} is taken."
    return Told(value <= gate.threshold, words, value, evidence=_named(evaluation))


def _no_regression(gate: Gate, evaluation: RunEvaluation, present: ModelVersion | None) -> Told:
    value = _measured(gate, evaluation)
    named = _named(evaluation)
    if present is None:
        return Told(
            True, f"{_what(gate)} is {value:.3f}; nothing is in Production to compare with.", value, evidence=named
        )
    try:
        other = evidence_of(gate, present)
        before = _measured(gate, other)
    except NoEvidenceError as missing:
        raise NoEvidenceError(f"{present} can't be compared with. {missing}", evidence=named) from missing
    passed = value >= before - gate.threshold
    allowed = f", a loss of {gate.threshold:.3f} is taken" if gate.threshold else ""
    words = f"{_what(gate)} is {value:.3f}, {before:.3f} of {present.label} in Production{allowed}."
    return Told(passed, words, value, evidence=named | {"production": present.pk, "production_value": before})


def _must_pass_scenes(gate: Gate, evaluation: RunEvaluation, present: ModelVersion | None) -> Told:
    names = dict(Scene.objects.filter(gate_links__gate=gate).order_by("name").values_list("pk", "name"))
    values: dict[int, float | None] = {}
    for pk in names:
        figures = _figures(gate, evaluation, scenes=[pk])
        values[pk] = iou_of(figures, gate.class_name) if figures.points else None
    failed = [pk for pk, value in values.items() if value is None or value < gate.threshold]
    known = [value for value in values.values() if value is not None]
    told = [f"{names[pk]} ({'not evaluated' if values[pk] is None else f'{values[pk]:.3f}'})" for pk in failed]
    more = f" and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
    words = f"All {len(names)} scenes reach {gate.threshold:.3f}."
    if failed:
        listed = ", ".join(told[:MOST_NAMED]) + more
        words = f"{len(failed)} of {len(names)} scenes do not reach {gate.threshold:.3f}: {listed}."
    scenes = [{"scene": pk, "name": names[pk], "value": value} for pk, value in values.items()]
    named = _named(evaluation) | {"scenes": scenes}
    return Told(not failed, words, min(known, default=None), evidence=named)


WAYS = {
    GateKind.MINIMUM_IOU: _minimum_iou,
    GateKind.MAXIMUM_ECE: _maximum_ece,
    GateKind.NO_REGRESSION: _no_regression,
    GateKind.MUST_PASS_SCENES: _must_pass_scenes,
}
