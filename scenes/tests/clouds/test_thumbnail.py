"""The bird's-eye picture: never blank, in scale, and not fooled by a few odd points."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from scenes.clouds import pcd, thumbnail
from scenes.clouds.cloud import CloudError
from scenes.clouds.colours import turbo_table
from scenes.tests.clouds.samples import DRIVE, shared_file, street


def pixels(positions: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(thumbnail.picture(positions), np.int16)


def colourful(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Where the picture shows points: neither background nor rings nor marks are this colourful."""
    return np.ptp(picture, axis=2) > 60


def test_the_picture_is_a_webp_of_the_asked_size() -> None:
    image = Image.open(io.BytesIO(thumbnail.render(street(), size=(320, 200))))
    assert (image.format, image.size) == ("WEBP", (320, 200))


def test_a_scan_fills_the_picture_with_colour_on_a_dark_ground() -> None:
    picture = pixels(street())
    assert 0.02 < colourful(picture).mean() < 0.6
    assert np.median(picture.sum(axis=2)) < 100


def test_different_scenes_look_different() -> None:
    assert np.abs(pixels(street(1)) - pixels(street(1) * (1, -0.4, 1))).mean() > 1


def test_the_same_scene_always_looks_the_same() -> None:
    assert thumbnail.render(street()) == thumbnail.render(street())


def test_high_points_are_redder_and_low_points_bluer() -> None:
    x, y = np.meshgrid(np.linspace(-40, 40, 400), np.linspace(-20, 20, 200))
    slope = np.stack([x.ravel(), y.ravel(), x.ravel()], axis=1)
    picture = pixels(slope)
    left, right = picture[100:300, 60:160].mean(axis=(0, 1)), picture[100:300, 480:580].mean(axis=(0, 1))
    assert left[2] > left[0]
    assert right[0] > right[2]


def test_a_scan_is_centred_on_its_sensor() -> None:
    x, y, _ = street().T
    view = thumbnail.choose_view(x, y, (640, 400))
    assert (view.x, view.y, view.has_sensor) == (0, 0, True)
    assert view.pixel(0, 0, (640, 400)) == (320, 200)


def test_a_map_is_centred_on_itself_and_shown_whole() -> None:
    random = np.random.default_rng(2)
    x, y = random.uniform(500_000, 500_300, 9000), random.uniform(5_400_000, 5_400_100, 9000)
    view = thumbnail.choose_view(x, y, (640, 400))
    assert not view.has_sensor
    assert view.x == pytest.approx(500_150, abs=2)
    assert view.y == pytest.approx(5_400_050, abs=2)
    assert 300 <= view.metres_per_pixel * 640 <= 330


def test_a_sensor_that_looks_ahead_is_kept_in_the_picture() -> None:
    random = np.random.default_rng(3)
    view = thumbnail.choose_view(random.uniform(6, 100, 5000), random.uniform(-25, 25, 5000), (640, 400))
    column, row = view.pixel(0, 0, (640, 400))
    assert view.has_sensor
    assert 0 <= column < 160
    assert 0 <= row < 400


def test_metres_are_equal_along_both_axes() -> None:
    angle = np.linspace(0, 2 * np.pi, 20_000)
    circle = np.stack([30 * np.cos(angle), 30 * np.sin(angle), angle], axis=1)
    rows, columns = np.nonzero(colourful(pixels(circle)))
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=3)


def test_stray_points_do_not_shrink_the_picture() -> None:
    clean = street()
    stray = clean.copy()
    stray[:40] = np.random.default_rng(4).uniform(-50_000, 50_000, (40, 3))
    clean_view, stray_view = (thumbnail.choose_view(*p.T[:2], (640, 400)) for p in (clean, stray))
    assert stray_view.metres_per_pixel == pytest.approx(clean_view.metres_per_pixel, rel=0.1)


def test_points_without_a_position_change_nothing() -> None:
    positions = street()
    odd = np.full((3, 3), [[np.nan], [np.inf], [-np.inf]], np.float32)
    np.testing.assert_array_equal(pixels(np.concatenate([positions, odd])), pixels(positions))


def test_far_sparse_points_stay_visible_beside_dense_ones() -> None:
    random = np.random.default_rng(5)
    dense = random.normal(0, 3, (30_000, 3))
    far = np.stack([random.uniform(-40, 40, 1500), random.uniform(-25, 25, 1500), np.zeros(1500)], axis=1)
    view = thumbnail.choose_view(*np.concatenate([dense, far]).T[:2], (640, 400))
    picture = pixels(np.concatenate([dense, far]))
    seen = [
        picture[int(row), int(column)].max() > 100
        for column, row in (view.pixel(x, y, (640, 400)) for x, y, _ in far)
        if 0 <= column < 640 and 0 <= row < 340  # below, the scale bar may cover some
    ]
    assert len(seen) >= 500
    assert all(seen)


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(["f4", "f8"]),
        st.tuples(st.integers(1, 30), st.just(3)),
        elements=st.floats(-1e8, 1e8, width=32),
    )
)
def test_any_finite_cloud_gives_a_picture(positions: np.ndarray[Any, Any]) -> None:
    assert np.ptp(pixels(positions)) > 30


def test_without_a_finite_point_there_is_no_picture() -> None:
    with pytest.raises(CloudError, match="no point has a finite position to draw"):
        thumbnail.render(np.full((5, 3), np.nan))


def test_a_real_frame_is_not_blank() -> None:
    cloud = pcd.read(shared_file(f"{DRIVE}/0000000000.pcd"))
    picture = np.asarray(Image.open(io.BytesIO(thumbnail.render(cloud.positions()))).convert("RGB"), np.int16)
    assert 0.04 < colourful(picture).mean() < 0.5


def test_the_colour_table_runs_from_blue_over_green_to_red_and_is_never_dark_when_lifted() -> None:
    plain, lifted = turbo_table(), turbo_table(lift=True)
    assert [int(entry.argmax()) for entry in (plain[0], plain[128], plain[-1])] == [2, 1, 0]
    assert lifted.max(axis=1).min() >= 234
    np.testing.assert_array_equal(lifted.argmax(axis=1), plain.argmax(axis=1))
