"""The 3D viewer draws what it is given: pixels and requests are checked, not calls."""

from __future__ import annotations

import base64
import io
import random

import numpy as np
import pytest
from PIL import Image

from lamm.tests.browser.viewer_page import ViewerPage
from lamm.tests.browser.viewer_samples import (
    BLUE,
    COUNT,
    GREEN,
    IGNORED,
    POSITIONS,
    QUADRANT,
    RED,
    RIGHT,
    SURE,
    UNKNOWN,
    UNSURE,
    WRONG,
    YELLOW,
    in_display_order,
    seen,
    shares,
    show_colour,
    with_classes,
)
from scenes.clouds import tiles
from scenes.clouds.colours import turbo_table
from scenes.tests.clouds.samples import cloud_of, street

# --- Colours ---


@pytest.mark.parametrize(("colour", "low", "high"), [("height", 0, 3), ("intensity", 0, 255), ("range", 0, 1)])
def test_measured_quantities_run_along_the_ramp(viewer: ViewerPage, colour: str, low: float, high: float) -> None:
    viewer.run("viewer.setRange(...given)", [colour, low, high])
    picture = show_colour(viewer, colour=colour)
    ramp = turbo_table().astype(int)
    assert seen(picture, tuple(ramp[-1])) > 5000
    assert (seen(picture, tuple(ramp[0])) > 5000) == (colour != "range")  # no point is at the sensor


def test_a_scale_stays_for_the_frames_that_follow(viewer: ViewerPage) -> None:
    before = viewer.run("return viewer.getRange('height')")
    chunk = tiles.encode(cloud_of(POSITIONS * np.array([1, 1, 20], np.float32)))
    viewer.show(chunk.data)
    assert viewer.run("return viewer.getRange('height')") == before


def test_each_class_has_its_colour_and_hides_on_demand(viewer: ViewerPage) -> None:
    with_classes(viewer)
    picture = show_colour(viewer, colour="classes:truth")
    assert min(seen(picture, colour) for colour in (RED, GREEN, BLUE, YELLOW)) > 10_000
    viewer.run("viewer.setClassVisible('truth', 2, false)")
    without = viewer.picture()
    assert seen(without, GREEN) == 0
    assert seen(without, RED) == seen(picture, RED)
    viewer.run("viewer.setClassVisible('truth', 2, true)")
    assert np.array_equal(viewer.picture(), picture)


def test_errors_are_red_where_labels_differ_and_nowhere_else(viewer: ViewerPage) -> None:
    prediction = np.where(QUADRANT == 3, 1, QUADRANT).astype(np.uint8)
    prediction[QUADRANT == 0] = 2  # wrong, but the truth is not judged
    with_classes(viewer, prediction)
    picture = show_colour(viewer, colour="error:truth:run:1")
    rows, columns = np.nonzero(shares(picture, WRONG))
    height, width = picture.shape[:2]
    assert len(rows) > 10_000
    assert rows.max() <= height / 2 + 6  # x > 0 is the upper half, y > 0 the left one
    assert columns.max() <= width / 2 + 6
    assert seen(picture, RIGHT) > 20_000
    assert seen(picture, IGNORED) > 10_000


def test_uncertainty_runs_from_blue_to_red_and_none_is_grey(viewer: ViewerPage) -> None:
    stored = np.array([0, 127, 254, 255], np.uint8)[QUADRANT]
    viewer.set_values("u", in_display_order(stored), kind="scalar", low=0, high=0.8)
    picture = show_colour(viewer, colour="uncertainty:u")
    assert min(seen(picture, colour) for colour in (SURE, UNSURE, UNKNOWN)) > 10_000
    assert seen(picture, (120, 214, 150)) > 10_000
    viewer.run("viewer.setRange('uncertainty:u', 0.4, 2)")
    assert seen(viewer.picture(), SURE) > 20_000


def test_a_field_of_words_is_scaled_and_none_is_grey(viewer: ViewerPage) -> None:
    stored = np.array([0, 65534, 65535, 255], np.uint16)[QUADRANT]
    viewer.set_values("field:ring", in_display_order(stored), kind="scalar", low=0, high=63)
    picture = show_colour(viewer, colour="field:ring")
    ramp = turbo_table().astype(int)
    assert seen(picture, tuple(ramp[-1])) > 10_000
    assert seen(picture, UNKNOWN) > 10_000
    assert seen(picture, tuple(ramp[0])) > 20_000  # 255 is a value here, and a small one


def test_a_frame_score_colours_all_points_alike(viewer: ViewerPage) -> None:
    assert seen(show_colour(viewer, colour="uniform", value=1.0), UNSURE) > 40_000
    assert seen(show_colour(viewer, colour="uniform", value=0.0), SURE) > 40_000
    assert seen(show_colour(viewer, colour="uniform", value="#28c850"), GREEN) > 40_000


def test_points_without_values_are_grey(viewer: ViewerPage) -> None:
    assert seen(show_colour(viewer, colour="classes:truth"), UNKNOWN) > 40_000


def test_values_that_do_not_fit_are_refused(viewer: ViewerPage) -> None:
    viewer.files["short"] = b"123"
    words = viewer.run(
        "const values = new Uint8Array(await bytes('short'));"
        "try { viewer.setAttribute('truth', { kind: 'classes', values }) } catch (error) { return error.message }"
    )
    assert words == f'"truth" has 3 values for {COUNT} points.'


def test_switching_colours_fetches_and_uploads_nothing(viewer: ViewerPage) -> None:
    with_classes(viewer, QUADRANT)
    colours = ["classes:truth", "error:truth:run:1", "height", "range"]
    for colour in colours:
        show_colour(viewer, colour=colour)
    requests = len(viewer.requests)
    viewer.run(
        "window.uploads = 0; const gl = viewer.pipeline.gl; const upload = gl.bufferData;"
        "gl.bufferData = function (...all) { uploads += 1; return upload.apply(gl, all); }"
    )
    for colour in colours:
        show_colour(viewer, colour=colour)
    assert len(viewer.requests) == requests
    assert viewer.run("return uploads") == 0


def test_a_slice_leaves_only_its_heights(viewer: ViewerPage) -> None:
    with_classes(viewer)
    assert seen(show_colour(viewer, colour="classes:truth"), GREEN) > 10_000
    viewer.run("viewer.setSlice(1, null)")
    picture = viewer.picture()
    assert seen(picture, GREEN) == 0  # x > 0, y < 0: on the ground
    assert seen(picture, RED) > 10_000
    viewer.run("viewer.setSlice(null, 1)")
    assert seen(viewer.picture(), RED) == 0


# --- Quality, pictures, endurance ---


def test_a_prefix_is_drawn_while_moving_and_everything_when_settled(blank: ViewerPage) -> None:
    chunk = tiles.encode(cloud_of(street(n=90_000)))
    blank.run("viewer.governor.prefix = 30_000; told.statistics.length = 0")
    blank.show(chunk.data)
    first, last = blank.run("return [told.statistics.find(({ total }) => total > 0), told.statistics.at(-1)]")
    assert (first["shown"], first["refined"]) == (30_000, False)
    assert (last["shown"], last["total"], last["refined"]) == (90_000, 90_000, True)


def test_shading_darkens_edges_of_the_settled_picture(blank: ViewerPage) -> None:
    chunk = tiles.encode(cloud_of(street(n=40_000)))
    blank.show(chunk.data)
    shaded = blank.picture().astype(int)
    blank.run("viewer.setEyeDomeLighting(0)")
    plain = blank.picture().astype(int)
    darker = (plain - shaded).max(axis=2)
    assert np.count_nonzero(darker > 20) > 500
    assert darker.min() >= -1


def test_a_screenshot_holds_the_picture(viewer: ViewerPage) -> None:
    encoded = viewer.run(
        "const data = new Uint8Array(await (await viewer.screenshot()).arrayBuffer());"
        "return btoa(data.reduce((text, byte) => text + String.fromCharCode(byte), ''))"
    )
    picture = Image.open(io.BytesIO(base64.b64decode(encoded)))
    size = viewer.page.viewport_size
    assert (picture.format, picture.size) == ("PNG", (size["width"], size["height"]))  # type: ignore[index]
    assert len(set(picture.convert("RGB").get_flattened_data())) > 100


def test_range_rings_are_drawn_and_named(viewer: ViewerPage) -> None:
    before = viewer.picture()
    viewer.run("viewer.setRangeRings(true)")
    assert np.count_nonzero((viewer.picture() != before).any(axis=2)) > 1000


def test_the_light_theme_has_a_light_ground(viewer: ViewerPage) -> None:
    assert viewer.picture()[5, 5].max() < 60
    viewer.run("document.documentElement.dataset.theme = 'light'; await new Promise(requestAnimationFrame)")
    assert viewer.picture()[5, 5].min() > 200


def test_a_lost_context_comes_back(viewer: ViewerPage) -> None:
    before = viewer.picture()
    viewer.run(
        "const extension = viewer.pipeline.gl.getExtension('WEBGL_lose_context');"
        "const back = new Promise((resolve) => viewer.canvas.addEventListener('webglcontextrestored', resolve));"
        "extension.loseContext(); await new Promise((resolve) => setTimeout(resolve, 50));"
        "extension.restoreContext(); await back"
    )
    assert np.array_equal(viewer.picture(), before)
    assert len(viewer.run("return told.problems")) == 1


def test_a_resized_window_is_filled(viewer: ViewerPage) -> None:
    viewer.page.set_viewport_size({"width": 600, "height": 300})
    viewer.page.wait_for_function("viewer.width === 600")
    assert viewer.picture().shape == (300, 600, 3)


def test_dispose_leaves_nothing(viewer: ViewerPage) -> None:
    viewer.run("viewer.dispose()")
    assert viewer.run("return document.getElementById('host').childElementCount") == 0
    assert viewer.run("return viewer.pipeline.renderer.info.memory.geometries") <= 3  # two covers and the rings


# --- The format ---


def test_the_display_order_is_that_of_the_server(blank: ViewerPage) -> None:
    chosen = random.Random(5)
    counts = [1, 2, 3, 10, 94_000_000, *(chosen.randrange(1, 94_000_000) for _ in range(300))]
    places = [(chosen.randrange(n), n) for n in counts]
    assert blank.run("return given.map(chunk.goldenStride)", counts) == [tiles.golden_stride(n) for n in counts]
    expected = [tiles.original_index(display, n) for display, n in places]
    assert blank.run("return given.map(([at, n]) => chunk.originalIndex(at, n))", places) == expected
    back = [[place, n] for place, (_, n) in zip(expected, places, strict=True)]
    assert blank.run("return given.map(([at, n]) => chunk.displayIndex(at, n))", back) == [at for at, _ in places]


def test_a_damaged_chunk_is_refused(blank: ViewerPage) -> None:
    whole = tiles.encode(cloud_of(POSITIONS)).data
    for name, data in {"short": whole[:40], "cut": whole[:-3], "other": b"XXXX" + whole[4:]}.items():
        blank.files[name] = data
        script = "try { chunk.parseChunk(await bytes(given)) } catch (error) { return error.message }"
        assert "display chunk" in blank.run(script, name)
