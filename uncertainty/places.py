"""Where frames stand: the scenes of an evaluation's split with their frames, and positions of frames by their ids."""

from collections.abc import Sequence

import numpy as np
from django.db import connection

from experiments.binary_rows import INTEGER, binary_rows
from uncertainty.models import Evaluation
from uncertainty.scores import Array

_SCENES = """
    SELECT item.scene_id, (SELECT count(*) FROM scenes_frame AS frame WHERE frame.scene_id = item.scene_id)
    FROM datasets_item AS item
    WHERE item.version_id = %s AND (%s = '' OR item.split = %s) AND item.scene_id = ANY(%s)
"""
_FRAMES = """
    SELECT id, scene_id, row_number() OVER (PARTITION BY scene_id ORDER BY index) - 1
    FROM scenes_frame WHERE scene_id IN (SELECT scene_id FROM scenes_frame WHERE id = ANY(%s))
"""


def frame_counts(evaluation: Evaluation, scenes: Sequence[int]) -> dict[int, int]:
    """By scene id: how many frames each of some scenes has; scenes outside of the split are left out. One query."""
    split = evaluation.split
    with connection.cursor() as cursor:
        cursor.execute(_SCENES, [evaluation.dataset_version_id, split, split, list(scenes)])
        return dict(cursor.fetchall())


def positions_of(frames: Sequence[int]) -> tuple[Array, Array, Array]:
    """Ids, scenes and playing positions of all frames of the scenes that these frames belong to, by id. One query."""
    columns = {"frame": INTEGER, "scene": INTEGER, "position": INTEGER}
    rows = binary_rows(_FRAMES, [list(frames)], columns)
    order = np.argsort(rows["frame"])
    return rows["frame"][order], rows["scene"][order], rows["position"][order]
