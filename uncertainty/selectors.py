"""Reads across evaluations, each in a constant number of queries; what is listed is bounded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Q, QuerySet

from experiments.models import Run
from registry.models import ModelVersion
from scenes.models import Frame, Scene
from uncertainty.models import Evaluation, EvaluationState, PointScores, SceneScores

MOST_EVALUATIONS = 100
MOST_SERIES = 20


@dataclass(frozen=True)
class RankedScene:
    """A scene of an evaluation. `rank` counts from the most uncertain scene (1) of `ranked` inside this evaluation.

    `argmax` is the playing position of its most uncertain frame, `frames` the number of its frames at the time.
    """

    scene: Scene
    rank: int
    max: float
    mean: float
    p95: float
    argmax: int
    n: int
    frames: int


@dataclass(frozen=True)
class TopFrame:
    """One of the most uncertain frames of an evaluation, at its playing position; names are those of now.

    `name` is empty when the frame is gone.
    """

    scene_id: int
    scene: str
    frame_id: int
    name: str
    position: int
    score: float
    iou: float | None


@dataclass(frozen=True)
class SceneSeries:
    """The scores of a scene's frames in one evaluation, by playing position; float32 (frames,), NaN = not scored."""

    evaluation: Evaluation
    scores: np.ndarray
    ious: np.ndarray | None
    rank: int | None


def evaluations_for(run: Run | int, *, members: bool = True, most: int = MOST_EVALUATIONS) -> list[Evaluation]:
    """The evaluations of a run, newest first: of itself and, with `members`, of ensembles it belongs to."""
    number = run if isinstance(run, int) else run.pk
    condition = Q(run=number)
    if members:
        condition |= Q(pk__in=Evaluation.objects.filter(members__run=number).values("pk"))
    return list(Evaluation.objects.for_listing().filter(condition).order_by("-pk")[:most])


def latest_for_run(run: Run | int, *, dataset_version: int | None = None, split: str = "") -> Evaluation | None:
    """The newest finished evaluation of a run itself, with histogram and top frames; of a version or split if given."""
    found = Evaluation.objects.finished().filter(run=run).select_related("run", "dataset_version__dataset")
    if dataset_version is not None:
        found = found.filter(dataset_version=dataset_version)
    if split:
        found = found.filter(split=split)
    return found.order_by("-finished_at", "-pk").first()


def latest_for_runs(runs: Iterable[Run | int]) -> dict[int, Evaluation]:
    """By run id: the newest finished evaluation of each of any number of runs, as for a list; one query."""
    ids = [run if isinstance(run, int) else run.pk for run in runs]
    rows = Evaluation.objects.for_listing().finished().filter(run__in=ids)
    newest = rows.order_by("run_id", "-finished_at", "-pk").distinct("run_id")
    return {found.run_id: found for found in newest if found.run_id is not None}


def evaluations_of_model(name: str, *, most: int = MOST_EVALUATIONS) -> list[Evaluation]:
    """The finished evaluations of the model or ensemble with this name, newest first."""
    return list(Evaluation.objects.for_listing().finished().filter(name=name).order_by("-finished_at", "-pk")[:most])


def evaluations_of_version(version: ModelVersion, *, most: int = MOST_EVALUATIONS) -> list[Evaluation]:
    """The evaluations that stand for a version of a registered model, newest first: of itself, or of its run."""
    own = Q(model_version=version)
    condition = own | Q(run=version.run_id, model_version=None) if version.run_id else own
    return list(Evaluation.objects.for_listing().finished().filter(condition).order_by("-finished_at", "-pk")[:most])


def ranked_scenes(
    evaluation: Evaluation, *, scenes: QuerySet[Scene] | None = None, after: int = 0, most: int = 50
) -> list[RankedScene]:
    """The scenes of a finished evaluation from the most uncertain on, `most` behind the rank `after`; three queries.

    `scenes` keeps only those; their ranks stay those inside the whole evaluation.
    """
    rows = SceneScores.objects.filter(evaluation=evaluation, rank__gt=after)
    if scenes is not None:
        rows = rows.filter(scene__in=scenes.order_by().values("pk"))
    columns = ("scene_id", "rank", "max", "mean", "p95", "argmax", "n", "scores__len")
    found = list(rows.order_by("rank").values_list(*columns)[:most])
    known = Scene.objects.for_listing().order_by().in_bulk([row[0] for row in found])
    return [RankedScene(known[row[0]], *row[1:]) for row in found if row[0] in known]


def top_frames(evaluation: Evaluation, most: int = 10) -> list[TopFrame]:
    """The most uncertain frames as finishing stored them, highest first (at most 100), by the names of now."""
    kept = evaluation.top_frames[:most]
    names = {
        pk: (name, scene)
        for pk, name, scene in Frame.objects.filter(pk__in=[one["frame"] for one in kept]).values_list(
            "pk", "name", "scene__name"
        )
    }
    return [
        TopFrame(
            scene_id=one["scene"],
            scene=names.get(one["frame"], ("", f"scene {one['scene']}"))[1],
            frame_id=one["frame"],
            name=names.get(one["frame"], ("", ""))[0],
            position=one["position"],
            score=one["score"],
            iou=one["iou"],
        )
        for one in kept
    ]


def series_of_scene(scene_id: int, *, most: int = MOST_SERIES) -> list[SceneSeries]:
    """The scores of a scene in its finished evaluations, the newest first; two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_SERIES, [scene_id, most])
        kept = cursor.fetchall()
    known = Evaluation.objects.for_listing().in_bulk([row[0] for row in kept])
    return [
        SceneSeries(known[evaluation], sent_vector(scores), None if ious is None else sent_vector(ious), rank)
        for evaluation, scores, ious, rank in kept
    ]


# Arrays in the form in which they travel: as numbers, tens of thousands would take longer than all the rest.
_SERIES = """
    SELECT kept.evaluation_id, array_send(kept.scores), array_send(kept.ious), kept.rank
    FROM uncertainty_scenescores AS kept JOIN uncertainty_evaluation AS evaluation ON evaluation.id = kept.evaluation_id
    WHERE kept.scene_id = %s AND evaluation.state = 'finished' AND kept.n > 0
    ORDER BY evaluation.finished_at DESC, evaluation.id DESC LIMIT %s
"""
_ARRAY_HEADER = 20
_ELEMENTS = np.dtype([("length", ">i4"), ("value", ">f4")])


def sent_vector(data: bytes | memoryview) -> np.ndarray:
    """A float4[] without nulls as PostgreSQL sends it, float32 (n,)."""
    if len(data) < _ARRAY_HEADER:  # an empty array has no dimension, and none of its header
        return np.empty(0, np.float32)
    return np.frombuffer(data, _ELEMENTS, offset=_ARRAY_HEADER)["value"].astype(np.float32)


def scores_of(evaluation: Evaluation, scenes: Sequence[int]) -> dict[int, np.ndarray]:
    """By scene id: the score vector of each of some scenes, float32 (frames,); one query."""
    rows = SceneScores.objects.filter(evaluation=evaluation, scene__in=scenes).values_list("scene_id", "scores")
    return {scene: np.array(vector, np.float32) for scene, vector in rows}


@dataclass(frozen=True)
class Standing:
    """How a scene stands in one finished evaluation; `percentile` is 1 for its most uncertain scene, near 0 at the end.

    Percentiles inside evaluations compare where raw scores of different definitions don't.
    """

    scene_id: int
    evaluation_id: int
    title: str
    max: float
    mean: float
    rank: int
    scenes: int
    finished_at: datetime

    @property
    def percentile(self) -> float:
        return 1.0 - (self.rank - 1) / self.scenes


def standings(scene_ids: Iterable[int]) -> dict[int, list[Standing]]:
    """By scene id: its rank in every finished evaluation that scored it, the most uncertain first; one query."""
    ids = list(scene_ids)
    found: dict[int, list[Standing]] = {pk: [] for pk in ids}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kept.scene_id, kept.evaluation_id,
                CASE WHEN evaluation.name <> '' THEN evaluation.name ELSE 'run-' || evaluation.run_id END,
                kept.max, kept.mean, kept.rank, evaluation.scene_count, evaluation.finished_at
            FROM uncertainty_scenescores AS kept
            JOIN uncertainty_evaluation AS evaluation ON evaluation.id = kept.evaluation_id
            WHERE kept.scene_id = ANY(%s) AND evaluation.state = 'finished' AND kept.n > 0
            ORDER BY kept.scene_id, kept.rank::float8 / evaluation.scene_count, kept.evaluation_id
            """,
            [ids],
        )
        for row in cursor.fetchall():
            found[row[0]].append(Standing(*row))
    return found


@dataclass(frozen=True)
class SceneRank:
    """The place of a scene among the `scenes` of one evaluation, 1 for the most uncertain."""

    rank: int
    scenes: int


def ranks_of(evaluations: Mapping[int, int]) -> dict[int, SceneRank]:
    """By scene id: its rank in the evaluation that is given for it; one query, none for no scene."""
    if not evaluations:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kept.scene_id, kept.rank, evaluation.scene_count
            FROM unnest(%s::bigint[], %s::bigint[]) AS given (scene, evaluation)
            JOIN uncertainty_scenescores AS kept
                ON kept.evaluation_id = given.evaluation AND kept.scene_id = given.scene
            JOIN uncertainty_evaluation AS evaluation ON evaluation.id = kept.evaluation_id
            WHERE kept.rank IS NOT NULL
            """,
            [list(evaluations), list(evaluations.values())],
        )
        return {scene: SceneRank(rank, scenes) for scene, rank, scenes in cursor.fetchall()}


def point_digests(scene_id: int) -> dict[int, dict[int, tuple[str, int]]]:
    """By finished evaluation and frame: the sha256 of the points' values and how many there are; one query."""
    rows = PointScores.objects.filter(scene=scene_id, evaluation__state=EvaluationState.FINISHED)
    found: dict[int, dict[int, tuple[str, int]]] = {}
    columns = ("evaluation_id", "frame_id", "values__digest", "point_count")
    for evaluation, frame, digest, points in rows.order_by().values_list(*columns):
        found.setdefault(evaluation, {})[frame] = digest, points
    return found


def progress(evaluation: Evaluation) -> dict[str, Any]:
    """How far the scores of a draft have come: scenes and frames that are scored, of those there are; one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT count(*) FROM uncertainty_scenescores WHERE evaluation_id = %(evaluation)s AND n > 0),
                (SELECT coalesce(sum(n), 0) FROM uncertainty_scenescores WHERE evaluation_id = %(evaluation)s),
                count(*), coalesce(sum(scene.frame_count - scene.quarantined_count), 0)
            FROM datasets_item AS item JOIN scenes_scene AS scene ON scene.id = item.scene_id
            WHERE item.version_id = %(version)s AND (%(split)s = '' OR item.split = %(split)s)
            """,
            {"evaluation": evaluation.pk, "version": evaluation.dataset_version_id, "split": evaluation.split},
        )
        names = ("scene_count", "frame_count", "scene_total", "frame_total")
        return dict(zip(names, map(int, cursor.fetchone()), strict=True))
