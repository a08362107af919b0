"""How a run's page reads keys, patches and numbers. Pure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.charts import Curve
from experiments.models import MetricSeries
from lamm.run_artifacts import picture_type, readable
from lamm.run_configuration import package_lines, patch_of
from lamm.run_drawing import HEIGHT, WIDTH, drawing
from lamm.run_metrics import iou_keys, is_learning_rate, judging_keys, less_is_better, loss_keys, main_charts
from lamm.templatetags.formatting import NOTHING
from lamm.templatetags.run_words import change_of_rate, last_line, metric, rate

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, NOTHING), (0.0, "0"), (0.083124, "0.083124"), (1204.5, "1,204.5"), (3.14159265, "3.1416"), (1e-9, "1e-09"),
     (float("nan"), "NaN"), (float("-inf"), f"{MINUS}∞"), (12, "12"), (-0.5, "-0.5")],
)  # fmt: skip
def test_metrics_in_five_digits(value, words):
    assert metric(value) == words


def test_rates_and_their_changes():
    assert (rate(0.8421), rate(None), rate(float("nan"))) == ("84.2", NOTHING, NOTHING)
    assert (change_of_rate(0.014), change_of_rate(-0.014)) == ("+1.4", f"{MINUS}1.4")


def test_the_last_line_of_a_traceback():
    assert last_line("Traceback\n  File x\nRuntimeError: no\n\n") == "RuntimeError: no"


@pytest.mark.parametrize(
    ("keys", "losses"),
    [(["loss", "val_loss", "dice_loss"], ["loss", "val_loss"]), (["Loss", "dev/loss"], ["Loss", "dev/loss"]),
     (["dice_loss", "lovasz_loss"], ["dice_loss", "lovasz_loss"]), (["accuracy"], [])],
)  # fmt: skip
def test_losses_by_their_names(keys, losses):
    assert loss_keys(keys) == losses


def test_ious_of_the_validation_and_the_mean_first():
    assert iou_keys(["train/iou/car", "val/iou/car", "val/mIoU"]) == ["val/mIoU", "val/iou/car"]
    assert iou_keys(["iou_car", "curious"]) == ["iou_car"]


def test_learning_rates_and_what_judges():
    assert [key for key in ("lr", "optim/lr-0", "learning_rate", "blur") if is_learning_rate(key)] == [
        "lr", "optim/lr-0", "learning_rate",
    ]  # fmt: skip
    assert judging_keys(["val/loss", "val/accuracy", "train/loss", "val/miou"]) == [
        "val/miou",
        "val/accuracy",
        "val/loss",
    ]
    assert less_is_better("val/ECE")
    assert not less_is_better("val/miou")
    assert [chart.title for chart in main_charts(["lr"])] == ["Learning rate"]


def test_a_patch_by_lines():
    patch = patch_of("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -3,2 +3,2 @@\n same\n-old\n+new\n")
    assert [line.kind for line in patch.lines] == [
        "file", "heading", "heading", "hunk", "context", "removed", "added",
    ]  # fmt: skip
    assert [(line.before, line.after) for line in patch.lines[4:]] == [(3, 3), (4, None), (None, 4)]
    assert (patch.files, patch.added, patch.removed) == (1, 1, 1)


@given(st.text())
def test_no_text_breaks_a_patch(text):
    assert len(patch_of(text).lines) == min(3000, len(text.splitlines()))


def test_packages_beside_those_of_another_run():
    lines = package_lines({"numpy": "2.1", "torch": "2.4"}, {"torch": "2.3", "scipy": "1"})
    assert [(line.name, line.state) for line in lines] == [
        ("numpy", "added"), ("scipy", "removed"), ("torch", "changed"),
    ]  # fmt: skip


@given(st.binary(max_size=200))
def test_any_bytes_become_text_that_a_page_can_hold(given_bytes):
    text = readable(given_bytes)
    assert all(sign.isprintable() or sign in "\n\t" for sign in text)


def test_pictures_are_known_by_their_first_bytes():
    assert picture_type(b"\x89PNG\r\n\x1a\n....") == "image/png"
    assert picture_type(b"RIFF....WEBPVP8 ") == "image/webp"
    assert picture_type(b"<svg xmlns=") == ""


def a_curve(values: list[float]) -> Curve:
    steps = np.arange(len(values))
    array = np.array(values, np.float64)
    return Curve(MetricSeries(key="loss", last_value=values[-1]), steps, steps, array, np.full(len(values), np.nan))


def test_a_drawing_stays_in_its_picture_and_leaves_gaps():
    drawn = drawing("Loss", [a_curve([1.0, 0.5, float("nan"), 0.2])], mark=2)
    assert drawn is not None
    (line,) = drawn.lines
    assert line.path.count("M") == 2
    numbers = [float(part) for part in line.path.replace("M", " ").replace("L", " ").split()]
    assert all(0 <= x <= WIDTH for x in numbers[::2])
    assert all(0 <= y <= HEIGHT for y in numbers[1::2])
    assert drawn.mark is not None


def test_there_is_nothing_to_draw_of_nan():
    assert drawing("Loss", [a_curve([float("nan")])]) is None
    assert drawing("Loss", [a_curve([2.0])]) is not None
