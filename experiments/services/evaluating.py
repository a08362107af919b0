"""Evaluations: started, worked on batch by batch, finished or failed, and computed again.

A batch of frames, the sums of the scenes that are whole with it, and the note of how far the evaluation is are one
transaction under a lock: a killed worker loses only its batch, and another goes on there.
"""

from collections.abc import Callable, Iterable, Sequence

from celery import current_app
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from datasets.models import DatasetVersion, Item, Split
from experiments import evaluating, evaluation_trust
from experiments.evaluation_figures import classes_of, figures_of, scene_rows
from experiments.models import (
    ACTIVE_EVALUATION_STATES,
    EvaluationRule,
    EvaluationState,
    FramePrediction,
    LabelChoice,
    PredictionSet,
    Run,
    RunEvaluation,
)
from experiments.services import evaluation_batches as batches
from experiments.services.access import check_writer
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError
from scenes.models import Frame, FrameState

TASK = "experiments.tasks.work_on_evaluation"
MOST_ATTEMPTS = 3
RANGE_EDGES = (10.0, 20.0, 30.0, 50.0, 80.0)
MOST_EDGES = 30


@transaction.atomic
def start_evaluation(
    *,
    run: Run,
    by: User | None,
    dataset_version: DatasetVersion | None = None,
    splits: Iterable[str] = (Split.VAL,),
    rule: str = EvaluationRule.MMDET3D,
    labels: str = LabelChoice.PINNED,
    range_edges: Sequence[float] = RANGE_EDGES,
) -> RunEvaluation:
    """Queue the evaluation of a run's predictions on some splits of a frozen version (the run's own by default).

    One that is under way, or finished on the same terms and not outdated, is returned instead. Another takes its place
    once it is done; what has not changed is not read again. Nobody (`by` None) is the machine itself. Raises
    ConflictError when the run has no predictions or no version, or the version is a draft or in another ontology;
    RefusedError for unknown words; NotAllowedError.
    """
    run = Run.objects.select_for_update(of=("self",), no_key=True).get(pk=run.pk)
    if by is not None:
        check_writer(run, by)
    version = _version(run, dataset_version)
    given = _given(run, version)
    chosen = _splits(splits, version)
    edges = _edges(range_edges)
    if rule not in EvaluationRule.values or labels not in LabelChoice.values:
        raise RefusedError(
            f"rule is one of {', '.join(EvaluationRule.values)}, labels one of {', '.join(LabelChoice.values)}.",
            field="rule" if rule not in EvaluationRule.values else "labels",
        )
    same = RunEvaluation.objects.filter(run=run, dataset_version=version, splits=chosen)
    active = same.filter(state__in=ACTIVE_EVALUATION_STATES).first()
    current = same.filter(current=True).first()
    if active is not None:
        return active
    terms = (rule, labels, edges)
    if current is not None and _answers(current, terms):
        return current
    return _created(run, version, given, chosen, terms, current, by)


def _answers(current: RunEvaluation, terms: tuple[str, str, list[float]]) -> bool:
    """Whether computing again would find the same."""
    same = (current.rule, current.labels, current.range_edges) == terms
    return same and current.state == EvaluationState.DONE and not current.outdated


def _created(
    run: Run,
    version: DatasetVersion,
    given: PredictionSet,
    splits: list[str],
    terms: tuple[str, str, list[float]],
    before: RunEvaluation | None,
    by: User | None,
) -> RunEvaluation:
    rule, labels, edges = terms
    ranked_by, low, high = _ranking(given)
    replaced = before is not None and before.state == EvaluationState.DONE
    if before is not None and not replaced:
        before.current = False
        save_audited(before, by=by, reason="Another evaluation was started")
    evaluation = RunEvaluation(
        run=run,
        dataset_version=version,
        ontology=given.ontology,
        splits=splits,
        rule=rule,
        labels=labels,
        range_edges=edges,
        class_count=given.ontology.classes.aggregate(last=Max("index"))["last"] + 1,
        ranked_by=ranked_by,
        low=low,
        high=high,
        current=not replaced,
        supersedes=before if replaced else None,
        frames_total=Frame.objects.filter(
            state=FrameState.READY, scene__in=Item.objects.filter(version=version, split__in=splits).values("scene")
        ).count(),
        started_by=by,
    )
    save_audited(evaluation, by=by, reason="Evaluation started")
    transaction.on_commit(lambda: wake(evaluation.pk), robust=True)
    return evaluation


def _version(run: Run, given: DatasetVersion | None) -> DatasetVersion:
    version = given or run.dataset_version
    if version is None:
        raise ConflictError(f"{run} has no dataset version. Name the one to evaluate on.", field="dataset_version")
    if version.is_draft:
        raise ConflictError(f"{version} is a draft: its labels are not pinned. Freeze it first.", state=version.state)
    return version


def _given(run: Run, version: DatasetVersion) -> PredictionSet:
    given = PredictionSet.objects.select_related("ontology").filter(run=run).first()
    if given is None:
        raise ConflictError(f"{run} has no predictions. Log them first.", status=run.status)
    if version.ontology_id and version.ontology_id != given.ontology_id:
        raise ConflictError(
            f"{version} pins labels in {version.ontology}, {run} predicts in {given.ontology}. "
            "Evaluate on a version that pins labels in the same ontology."
        )
    return given


def _splits(splits: Iterable[str], version: DatasetVersion) -> list[str]:
    wanted = set(splits)
    strange = sorted(wanted - set(Split.values))
    if strange or not wanted:
        raise RefusedError(f"splits: {strange or 'none'} is no split. Use {', '.join(Split.values)}.", field="splits")
    if not version.items.filter(split__in=wanted).exists():
        raise ConflictError(f"{version} has no scene in {', '.join(sorted(wanted))}.", field="splits")
    return [split for split in Split.values if split in wanted]


def _edges(edges: Sequence[float]) -> list[float]:
    found = [float(edge) for edge in edges]
    fine = all(0 < edge < 1e6 for edge in found) and found == sorted(set(found)) and len(found) <= MOST_EDGES
    if not fine:
        raise RefusedError(f"range_edges: give up to {MOST_EDGES} distances in metres, ascending.", field="range_edges")
    return found


def _ranking(given: PredictionSet) -> tuple[str, float | None, float | None]:
    """What ranks points by how uncertain they are, and its ends: the declared measure, or else 1 - confidence."""
    if given.measure:
        return evaluating.UNCERTAINTY, given.low, given.high
    confident = FramePrediction.objects.filter(prediction_set=given, confidence__isnull=False).exists()
    return (evaluating.CONFIDENCE, 0.0, 1.0) if confident else ("", None, None)


def recompute(*, evaluation: RunEvaluation, by: User, labels: str = "") -> RunEvaluation:
    """Compute an evaluation again on the same terms, from the predictions that are there now.

    `labels`: "pinned" or "newest"; unless said, the newest where there are newer ones than it used, else as before.
    What is found takes the old one's place when it is done. The same as before, not outdated, changes nothing.
    """
    if not labels:
        newer = evaluation_trust.newer_labels(evaluation).exists()
        labels = LabelChoice.NEWEST if newer else evaluation.labels
    return start_evaluation(
        run=evaluation.run,
        by=by,
        dataset_version=evaluation.dataset_version,
        splits=evaluation.splits,
        rule=evaluation.rule,
        labels=labels,
        range_edges=evaluation.range_edges,
    )


def evaluate_when_finished(*, run: Run) -> RunEvaluation | None:
    """Start an evaluation of a run that just ended, when it has predictions for its validation splits; else None."""
    splits = [split for split in run.validation_splits if split in Split.values]
    if run.dataset_version is None or not splits:
        return None
    scenes = Item.objects.filter(version=run.dataset_version_id, split__in=splits).values("scene")
    predicted = FramePrediction.objects.filter(prediction_set__run=run.pk, scene__in=scenes)
    if not predicted.exists():
        return None
    try:
        return start_evaluation(run=run, by=None, splits=splits)
    except ConflictError:
        return None  # a run in another ontology than its version: nothing to compare


def wake(evaluation_id: int) -> None:
    """Tell a worker; when no broker answers, the sweep does it later."""
    current_app.send_task(TASK, args=[evaluation_id])


def work(
    evaluation_id: int,
    *,
    go_on: Callable[[], bool] = lambda: True,
    on_frames: Callable[[int], object] = lambda count: None,
) -> bool:
    """Evaluate batch after batch until all is done or `go_on` says stop. Returns whether some is left."""
    try:
        while go_on():
            done = _next_batch(evaluation_id)
            if done is None:
                return False
            on_frames(done)
    except Exception as error:
        _count_failure(evaluation_id, error)
        raise
    return True


@transaction.atomic
def _next_batch(evaluation_id: int) -> int | None:
    """Evaluate some frames and return how many; None when all is done, or another worker has it."""
    active = RunEvaluation.objects.filter(pk=evaluation_id, state__in=ACTIVE_EVALUATION_STATES)
    evaluation = active.select_for_update(skip_locked=True, of=("self",)).first()
    if evaluation is None:
        return None
    now = timezone.now()
    if evaluation.state == EvaluationState.QUEUED:
        evaluation.state, evaluation.started_at = EvaluationState.RUNNING, now
        save_audited(evaluation, by=None, reason="Evaluation runs")
    done = batches.evaluate_some(evaluation)
    if done is None:
        _finish(evaluation)
        return None
    total = max(evaluation.frames_total, evaluation.frames_done + done)
    evaluation.frames_done, evaluation.heartbeat_at, evaluation.attempts = evaluation.frames_done + done, now, 0
    facts = {"frames_done": evaluation.frames_done, "frames_total": total, "attempts": 0, "heartbeat_at": now}
    RunEvaluation.objects.filter(pk=evaluation.pk).update(**facts)  # progress, which has no history
    return done


def _finish(evaluation: RunEvaluation) -> None:
    """Roll up, and take the place of the one before. Fails when no frame could be compared."""
    _roll_up(evaluation)
    evaluation.finished_at = evaluation.heartbeat_at = timezone.now()
    if not evaluation.frame_count:
        _fail(evaluation, f"No frame could be compared: {_why_missing(evaluation)}.")
        return
    if evaluation.supersedes_id:
        before = RunEvaluation.objects.select_for_update().get(pk=evaluation.supersedes_id)
        before.current = False
        save_audited(before, by=evaluation.started_by, reason=f"Superseded by evaluation {evaluation.pk}")
    evaluation.state, evaluation.failure, evaluation.current = EvaluationState.DONE, "", True
    save_audited(evaluation, by=None, reason="Evaluated")


def _why_missing(evaluation: RunEvaluation) -> str:
    return (
        f"{evaluation.without_prediction:,} frames without a prediction, {evaluation.without_labels:,} without labels, "
        f"{evaluation.not_fitting:,} whose arrays do not fit"
    )


def _roll_up(evaluation: RunEvaluation) -> None:
    rows = scene_rows(evaluation)
    whole = figures_of(evaluation, rows, classes_of(evaluation), band=None)
    for name in ("miou", "fwiou", "accuracy", "ece", "mce", "aurc", "ause"):
        setattr(evaluation, name, getattr(whole, name))
    evaluation.ious = whole.iou
    evaluation.frame_count, evaluation.point_count = whole.frames, whole.points
    evaluation.scene_count = rows.filter(frames__gt=0).count()
    for name in ("without_prediction", "without_labels", "not_fitting"):
        setattr(evaluation, name, sum(rows.values_list(name, flat=True)))
    evaluation.frames_done = evaluation.frames_total = evaluation.frame_count + evaluation.frames_missing
    compared = rows.filter(frames__gt=0).values_list("scene", flat=True)
    found = evaluation_trust.found_contamination(evaluation.run, compared)
    evaluation.contamination, evaluation.trained_by = found.state, found.runs
    evaluation.trained_scenes, evaluation.trained_drives = found.scenes, found.drives
    evaluation.trained_drive_scenes = found.drive_scenes
    _note_newer_facts(evaluation)


def _note_newer_facts(evaluation: RunEvaluation) -> None:
    """What came while it was computed, or was there already, makes it outdated at once."""
    if evaluation_trust.newer_labels(evaluation).exists():
        evaluation.outdated_at, evaluation.outdated_reason = timezone.now(), "There are newer labels."
    elif evaluation_trust.other_predictions(evaluation):
        evaluation.outdated_at, evaluation.outdated_reason = timezone.now(), "Its run has other predictions now."


@transaction.atomic
def _count_failure(evaluation_id: int, error: Exception) -> None:
    """An evaluation that breaks again and again ends, and says why."""
    active = RunEvaluation.objects.select_for_update(of=("self",)).filter(state__in=ACTIVE_EVALUATION_STATES)
    evaluation = active.filter(pk=evaluation_id).first()
    if evaluation is None:
        return
    evaluation.attempts, evaluation.heartbeat_at = evaluation.attempts + 1, timezone.now()
    if evaluation.attempts >= MOST_ATTEMPTS:
        evaluation.finished_at = timezone.now()
        _fail(evaluation, str(error)[:2000] or type(error).__name__)
        return
    facts = {"attempts": evaluation.attempts, "heartbeat_at": evaluation.heartbeat_at}
    RunEvaluation.objects.filter(pk=evaluation.pk).update(**facts)


def _fail(evaluation: RunEvaluation, words: str) -> None:
    evaluation.state, evaluation.failure = EvaluationState.FAILED, words
    save_audited(evaluation, by=None, reason="Evaluation failed")
