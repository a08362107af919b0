"""The tab of a run's page that shows its predictions beside the labels, scene by scene from the worst or the best."""

from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from experiments import evaluation_selectors as selectors
from experiments.models import Run, RunEvaluation
from lamm.run_evaluations import SceneRow, viewer_address
from scenes.errors import RefusedError
from scenes.models import Scene

SCENES_LISTED, FRAMES_LISTED = 100, 6
ORDERS = {"worst": "Worst first", "best": "Best first"}
WAYS = {"side": "Side by side", "overlay": "Overlay", "blink": "Blink", "error": "Error map"}
# With a second run beside the first: what both say, and where each is wrong.
WAYS_OF_TWO = {"runs": "Both runs", "errors": "Both error maps"}
# What the viewer itself keeps in the address.
OF_THE_VIEWER = frozenset({
    "frame", "frame_id", "colour", "right", "blink", "camera", "size", "edl", "rings", "slice", "range", "fit",
    "hidden", "axis", "series", "threshold", "play", "speed", "loop", "only",
})  # fmt: skip
PARAMETERS = {"scene", "order", "against", "split", "way"} | OF_THE_VIEWER


def comparison_context(
    given: QueryDict, run: Run, evaluation: RunEvaluation | None, other: Run | None
) -> dict[str, Any]:
    """The list and what the viewer starts from; a constant number of queries."""
    if evaluation is None:
        return {}
    order = given.get("order", "") or "worst"
    if order not in ORDERS:
        raise RefusedError(f"order: {order[:40]!r} is unknown. Use {', '.join(ORDERS)}.", field="order")
    found = selectors.scene_figures(evaluation, split=given.get("split", ""), order=order, limit=SCENES_LISTED + 1)
    rows = [*found[:SCENES_LISTED]]
    shown = _shown(given.get("scene", ""), rows, evaluation)
    if shown is None:
        return {"rows": []}
    if all(one.scene != shown.scene for one in rows):
        rows.append(shown)
    known = Scene.objects.select_related("thumbnail").in_bulk([one.scene for one in rows])
    frames = selectors.frame_figures(evaluation, shown.scene)
    frames.sort(key=lambda one: (one.miou is None, one.miou, one.index))
    kept = {name: value for name in ("split", "against") if (value := given.get(name, ""))}
    return {
        "rows": [SceneRow(one, known.get(one.scene), [], "") for one in rows],
        "compare_more": len(found) > SCENES_LISTED,
        "order": order,
        "compare_orders": list(ORDERS.items()),
        "compare_address": urlencode({"tab": "compare", **kept}),
        "shown_scene": shown.scene,
        "shown_name": shown.name,
        "worst_frames": frames[:FRAMES_LISTED],
        "ways": list((WAYS | (WAYS_OF_TWO if other else {})).items()),
        "other": other,
        "compare_facts": {
            "playback": reverse("scene-playback", args=[shown.scene]),
            "scenePage": viewer_address(shown.scene, run.pk, shown.label_set),
            "truth": f"labels:{shown.label_set}",
            "prediction": f"predictions:{run.pk}",
            "other": f"predictions:{other.pk}" if other else "",
            "worstFrame": frames[0].frame if frames else None,
        },
    }


def _shown(text: str, rows: list[selectors.SceneFigures], evaluation: RunEvaluation) -> selectors.SceneFigures | None:
    """The scene that an address names, wherever it stands in the order; else the first of the list."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return rows[0] if rows else None
    listed = next((one for one in rows if one.scene == int(text)), None)
    if listed is not None:
        return listed
    row = selectors.scene_rows(evaluation, scenes=[int(text)]).filter(frames__gt=0).select_related("scene").first()
    if row is None:
        raise RefusedError(
            f"scene: {text} is not among the evaluated scenes of run-{evaluation.run_id}.", field="scene"
        )
    missing = row.without_prediction + row.without_labels + row.not_fitting
    return selectors.SceneFigures(
        row.scene_id, row.scene.name, row.split, row.frames, row.points, row.miou, row.ious, row.accuracy,
        row.label_set_id, missing,
    )  # fmt: skip
