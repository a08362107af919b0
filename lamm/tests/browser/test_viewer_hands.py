"""The 3D viewer under the hand: picking, measuring, cameras, two views, real frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from lamm.tests.browser.viewer_page import ViewerPage
from lamm.tests.browser.viewer_samples import (
    COUNT,
    POSITIONS,
    QUADRANT,
    RED,
    SURE,
    UNSURE,
    place_of,
    seen,
    show_colour,
    with_classes,
)
from scenes.clouds import tiles
from scenes.clouds.cloud import Limits
from scenes.clouds.formats import format_for
from scenes.tests.clouds.samples import cloud_of, street

DATA = settings.BASE_DIR.parent / "shared/data"

# --- Picking and measuring ---


def test_a_click_tells_the_index_in_the_file_with_points_left_out(viewer: ViewerPage) -> None:
    everything = np.full((COUNT + 300, 3), np.nan, np.float32)
    places = np.sort(np.random.default_rng(3).choice(COUNT + 300, COUNT, replace=False))
    everything[places] = POSITIONS
    intensity = np.zeros(len(everything), np.uint8)
    intensity[places] = QUADRANT * 80
    chunk = tiles.encode(cloud_of(everything, intensity=intensity))
    viewer.show(chunk.data, chunk.kept)
    with_classes(viewer)
    for point in (0, 55, COUNT // 2, COUNT - 1):
        viewer.page.mouse.click(*place_of(viewer, POSITIONS[point]))
        picked = viewer.run("return told.picks.at(-1)")
        assert picked["originalIndex"] == places[point]
        assert picked["position"] == pytest.approx(POSITIONS[point], abs=0.001)
        assert picked["range"] == pytest.approx(np.linalg.norm(POSITIONS[point]), abs=0.001)
        assert picked["intensity"] == int(QUADRANT[point]) * 80
        assert picked["attributes"] == {"truth": int(QUADRANT[point])}


def test_what_is_not_drawn_is_not_picked(viewer: ViewerPage) -> None:
    with_classes(viewer)
    show_colour(viewer, colour="classes:truth")
    place = place_of(viewer, POSITIONS[QUADRANT == 1][50])
    assert viewer.run("return viewer.pick(...given) !== null", place)
    viewer.run("viewer.setClassVisible('truth', 1, false)")
    assert viewer.run("return viewer.pick(...given)", place) is None
    viewer.run("viewer.setClassVisible('truth', 1, true); viewer.setSlice(null, 1)")
    assert viewer.run("return viewer.pick(...given)", place) is None


def test_two_clicks_measure_a_distance(viewer: ViewerPage) -> None:
    viewer.run("viewer.startMeasure()")
    a, b = POSITIONS[0], POSITIONS[-1]
    for position in (a, b):
        viewer.page.mouse.click(*place_of(viewer, position))
    measured = viewer.run("return told.distances")
    assert [entry["metres"] for entry in measured] == [pytest.approx(float(np.linalg.norm(b - a)), abs=0.002)]
    assert viewer.run("return told.picks") == []
    viewer.page.keyboard.press("Escape")
    viewer.page.keyboard.press("Escape")
    assert viewer.run("return viewer.measure.active") is False


# --- Views ---


def test_two_views_have_one_camera(viewer: ViewerPage) -> None:
    with_classes(viewer)
    viewer.run("viewer.setViews([{ colour: 'classes:truth' }, { colour: 'classes:truth' }])")
    viewer.run("viewer.setCamera({ position: [9, -14, 12], target: [1, 2, 0] })")
    picture = viewer.picture()
    middle = picture.shape[1] // 2
    left, right = picture[:400, 10 : middle - 10], picture[:400, middle + 10 : -10]
    assert seen(left, RED) > 1000
    assert np.array_equal(left == RED, right == RED)
    viewer.run("viewer.setViews([{ colour: 'classes:truth' }, { colour: 'uniform', value: 1 }])")
    picture = viewer.picture()
    assert seen(picture[:, :middle], UNSURE) == 0
    assert seen(picture[:, middle:], UNSURE) > 5000
    for view in (0, 1):
        place = place_of(viewer, POSITIONS[820], view, 2)
        picked = viewer.run("return viewer.pick(...given)", place)
        assert (picked["view"], picked["originalIndex"]) == (view, 820)


def test_blinking_shows_one_view_after_the_other(viewer: ViewerPage) -> None:
    viewer.run("viewer.setViews([{ colour: 'uniform', value: 0 }, { colour: 'uniform', value: 1 }])")
    viewer.run("viewer.setBlink(1e9)")
    assert (seen(viewer.picture(), SURE) > 40_000, seen(viewer.picture(), UNSURE)) == (True, 0)
    viewer.run("viewer.blink()")
    assert (seen(viewer.picture(), UNSURE) > 40_000, seen(viewer.picture(), SURE)) == (True, 0)
    viewer.run("viewer.setBlink(0)")
    assert min(seen(viewer.picture(), SURE), seen(viewer.picture(), UNSURE)) > 10_000


def test_a_camera_comes_back_as_it_was_told(viewer: ViewerPage) -> None:
    for camera in (
        {"position": [3, -7, 5], "target": [0.5, 1, 0], "mode": "fly"},
        {"position": [1, 2, 40], "target": [1, 2, 0], "up": [0.6, 0.8, 0], "mode": "orbit"},
    ):
        viewer.run("viewer.setCamera(given)", camera)
        told = viewer.run("return viewer.getCamera()")
        assert told["mode"] == camera["mode"]
        for name in camera.keys() - {"mode"}:
            assert told[name] == pytest.approx(camera[name], abs=1e-9)
        before = viewer.picture()
        viewer.run("viewer.preset('side'); await viewer.whenSettled(); viewer.setCamera(given)", told)
        assert np.array_equal(viewer.picture(), before)


def test_keys_move_the_camera(viewer: ViewerPage) -> None:
    viewer.run("viewer.preset('fit'); await viewer.whenSettled(); viewer.canvas.focus()")
    cameras = [viewer.run("return viewer.getCamera().position")]
    for key in ("ArrowRight", "ArrowUp", "Equal", "Shift+ArrowLeft"):
        viewer.page.keyboard.press(key)
        viewer.run("await viewer.whenSettled()")
        cameras.append(viewer.run("return viewer.getCamera().position"))
        assert np.linalg.norm(np.subtract(cameras[-1], cameras[-2])) > 0.05
    viewer.run("viewer.setMode('fly')")
    before = viewer.run("return viewer.getCamera()")
    viewer.page.keyboard.press("KeyW")
    after = viewer.run("return viewer.getCamera()")
    forward = np.subtract(before["target"], before["position"])
    assert np.subtract(after["position"], before["position"]) @ forward > 0
    assert viewer.run("await viewer.whenSettled(); return told.cameras.length") > 0


def test_dragging_turns_and_the_wheel_zooms(viewer: ViewerPage) -> None:
    viewer.run("viewer.preset('fit'); await viewer.whenSettled()")
    before = viewer.run("return viewer.getCamera()")
    mouse = viewer.page.mouse
    mouse.move(400, 200)
    mouse.down()
    mouse.move(500, 240)
    mouse.up()
    turned = viewer.run("await viewer.whenSettled(); return viewer.getCamera()")
    assert turned["target"] == before["target"]
    assert turned["position"] != before["position"]
    assert viewer.run("return told.picks") == []
    mouse.wheel(0, -200)
    viewer.page.wait_for_function(
        "before => { const { position, target } = viewer.getCamera();"
        " return Math.hypot(...position.map((value, axis) => value - target[axis])) < 0.9 * before; }",
        arg=float(np.linalg.norm(np.subtract(turned["position"], turned["target"]))),
    )


def test_stray_points_do_not_shrink_the_picture(blank: ViewerPage) -> None:
    strays = np.array([[5000, 0, 0], [0, -9000, 400], [-7000, 7000, 0]], np.float32)
    chunk = tiles.encode(cloud_of(np.concatenate((street(n=9000), strays))))
    blank.show(chunk.data)
    camera = blank.run("return viewer.getCamera()")
    assert np.linalg.norm(np.subtract(camera["position"], camera["target"])) < 200
    ordinary = np.count_nonzero(blank.picture().max(axis=2) > 90)
    assert ordinary > 5000


def test_map_coordinates_do_not_jitter(viewer: ViewerPage) -> None:
    with_classes(viewer)
    close: dict[str, list[float]] = {"position": [1.2, -3.1, 2.4], "target": [0, 0, 0]}
    viewer.run("viewer.setViews([{ colour: 'classes:truth' }]); viewer.setCamera(given)", close)
    near = viewer.picture()
    offset = np.array([500_000.0, 5_400_000.0, 200.0])
    chunk = tiles.encode(cloud_of(POSITIONS + offset))
    viewer.show(chunk.data)
    with_classes(viewer)
    viewer.run(
        "viewer.setCamera(given)", {name: [float(value) for value in offset + place] for name, place in close.items()}
    )
    # A pixel at the rim of a point may round differently; a jitter of float32 would move all by half a metre.
    assert np.mean(np.abs(viewer.picture().astype(int) - near).max(axis=2) > 20) < 0.005


FRAMES = {
    "KITTI": "udacity__SFND_Lidar_Obstacle_Detection/src/sensors/data/pcd/data_1/0000000000.pcd",
    "organised, with NaNs": "PointCloudLibrary__pcl",
    "without intensity": "visgl__loaders.gl/modules/pcd/test/data/Zaghetto.pcd",
}


def real_frame(name: str) -> Path:
    path = DATA / FRAMES[name]
    if path.is_dir():
        path = max(path.rglob("*.pcd"), key=lambda file: file.stat().st_size)
    if not path.is_file():
        pytest.skip("the real point clouds of ../shared/data are not here")
    return path


@pytest.mark.parametrize("name", FRAMES)
def test_real_frames_are_drawn_and_picked(blank: ViewerPage, name: str) -> None:
    path = real_frame(name)
    cloud = format_for(path.name).read(path.read_bytes(), name=path.name, limits=Limits())
    chunk = tiles.encode(cloud)
    blank.show(chunk.data, chunk.kept)
    assert np.count_nonzero(blank.picture().max(axis=2) > 90) > 3000
    middle = blank.run("return viewer.getCamera().target")
    near = np.nanargmin(np.linalg.norm(cloud.positions() - middle, axis=1))
    blank.run("viewer.preset('top'); await viewer.whenSettled()")
    x, y = place_of(blank, cloud.positions()[near])
    picked = blank.run("return viewer.pick(given[0], given[1])", [x, y])
    assert picked["position"] == pytest.approx(cloud.positions()[picked["originalIndex"]], abs=chunk.step)
