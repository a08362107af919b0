"""What became of each point from one run to another, as an overlay: right to wrong, wrong to right.

Offered only when it is asked for by its key, "flips:<run a>:<run b>": pairs of runs are many. Nothing is stored: the
array follows from three stored ones (truth and both predictions), whose digests together name it.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import F

from experiments.models import EvaluationState, FramePrediction, PredictionSet, SceneSums
from lamm.overlays import CLASSES, PREDICTION, OverlaySource
from scenes.models import Frame, FrameLabels, LabelSet, Scene, SemanticClass, StoredFile

KEY = re.compile(r"flips:([0-9]{1,18}):([0-9]{1,18})")
PERMISSION = "experiments.view_run"
NOT_COMPARED, RIGHT, BROKEN, FIXED, WRONG = range(5)
CLASS_FACTS: list[dict[str, Any]] = [
    {"index": NOT_COMPARED, "name": "not compared", "colour": "#5b6270", "ignored": True},
    {"index": RIGHT, "name": "right in both", "colour": "#3d4654", "ignored": False},
    {"index": BROKEN, "name": "right to wrong", "colour": "#ff5a4f", "ignored": False},
    {"index": FIXED, "name": "wrong to right", "colour": "#3ddc84", "ignored": False},
    {"index": WRONG, "name": "wrong in both", "colour": "#f2b134", "ignored": False},
]
Indices = npt.NDArray[np.uint8]


def flip_sources(scene: Scene, *, key: str = "", frame: int | None = None) -> list[OverlaySource]:
    """The one source of the key, of all frames or one; five queries whatever their number. None without a key."""
    match = KEY.fullmatch(key)
    if match is None:
        return []
    runs = int(match[1]), int(match[2])
    sets = {found.run_id: found for found in PredictionSet.objects.filter(run__in=runs)}
    if set(runs) != set(sets) or len({found.ontology_id for found in sets.values()}) != 1:
        return []
    ontology = sets[runs[0]].ontology_id
    label_set = _label_set(scene, runs[1], ontology)
    if label_set is None:
        return []
    ignored = frozenset(SemanticClass.objects.filter(ontology=ontology, ignored=True).values_list("index", flat=True))
    files = _files(scene, [sets[run].pk for run in runs], label_set, frame)
    digests = {number: _named(three, ignored) for number, three in files.items()}
    return [
        OverlaySource(
            key=key,
            kind=CLASSES,
            role=PREDICTION,
            title=f"From run-{runs[0]} to run-{runs[1]}",
            ontology={"id": 0, "name": "Right and wrong", "classes": CLASS_FACTS},
            digests=digests,
            missing=max(0, scene.frames.count() - len(digests)) if frame is None else 0,
            computed=partial(_flips, files, ignored),
            permission=PERMISSION,
        )
    ]


def _label_set(scene: Scene, run: int, ontology: int) -> int | None:
    """The labels that the second run was last evaluated on, else the newest of the ontology."""
    used = SceneSums.objects.filter(
        scene=scene, evaluation__run=run, evaluation__current=True, evaluation__state=EvaluationState.DONE
    )
    found = used.exclude(label_set=None).order_by("-evaluation").values_list("label_set", flat=True).first()
    newest = LabelSet.objects.filter(scene=scene, ontology=ontology).order_by("-version")
    return found or newest.values_list("pk", flat=True).first()


def _files(scene: Scene, sets: list[int], label_set: int, frame: int | None) -> dict[int, tuple[str, str, str]]:
    """By frame id: the digests of truth and of both predictions, where all three fit the frame's points."""
    labels = FrameLabels.objects.filter(label_set=label_set, point_count=F("frame__point_count")).order_by()
    given = FramePrediction.objects.filter(scene=scene, point_count=F("frame__point_count")).order_by()
    if frame is not None:
        labels, given = labels.filter(frame=frame), given.filter(frame=frame)
    parts = [dict(labels.values_list("frame_id", "classes__digest"))]
    parts += [dict(given.filter(prediction_set=one).values_list("frame_id", "classes__digest")) for one in sets]
    truth, before, after = parts
    return {
        number: (truth[number], before[number], after[number])
        for number in truth
        if number in before and number in after
    }


def _named(digests: Iterable[str], ignored: frozenset[int]) -> str:
    """What names an array that follows from others: the sha256 of what it follows from."""
    return hashlib.sha256(f"flips {' '.join(digests)} {sorted(ignored)}".encode()).hexdigest()


def _flips(files: dict[int, tuple[str, str, str]], ignored: frozenset[int], frame: Frame) -> Indices:
    stored = {file.digest: file for file in StoredFile.objects.filter(digest__in=files[frame.pk])}
    truth, before, after = (np.frombuffer(stored[digest].read(), np.uint8) for digest in files[frame.pk])
    return flips(truth, before, after, ignored)


def flips(truth: Indices, before: Indices, after: Indices, ignored: Iterable[int] = ()) -> Indices:
    """What became of each point, uint8 (n,): an index of CLASS_FACTS. Ignored true classes are not compared."""
    table = np.array([WRONG, FIXED, BROKEN, RIGHT], np.uint8)
    found = table[2 * (before == truth) + (after == truth)]
    found[np.isin(truth, list(ignored))] = NOT_COMPARED
    return found
