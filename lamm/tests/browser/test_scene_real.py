"""Frames that nobody here wrote, on the scene page: organised clouds, points without a position, stray far points."""

import numpy as np
import pytest
from playwright.sync_api import expect

from scenes.tests.clouds.samples import shared_file
from scenes.tests.factories import an_ingested_scene

PCL = "PointCloudLibrary__pcl/test/"
LOADERS = "visgl__loaders.gl/modules/las/test/data/"
CITY = "udacity__SFND_Lidar_Obstacle_Detection/src/sensors/data/pcd/data_1/"
FILES = {
    "organised, points without a position": (PCL + "table_scene_mug_stereo_textured.pcd", {}),
    "organised, a room": (PCL + "five_people.pcd", {}),
    "a street in the city": (CITY + "0000000000.pcd", {}),
    "KITTI": ("mit-han-lab__spvnas/assets/000000.bin", {"format": "kitti"}),
    "808,042 points indoors": (LOADERS + "indoor.laz", {}),
    "from the air, in map coordinates": ("laspy__laspy/tests/data/autzen_trim.laz", {}),
}
PICKS = """async () => {
    const { viewer } = scenePage;
    await viewer.whenSettled();
    const box = document.getElementById("stage-host").getBoundingClientRect();
    const found = [];
    for (let y = box.top + 80; y < box.bottom - 80 && found.length < 3; y += 12)
        for (let x = box.left + 200; x < box.right - 220 && found.length < 3; x += 12) {
            const pick = viewer.pick(x, y);
            if (!pick) continue;
            const { originalIndex, position } = await viewer.resolvePick(pick);
            found.push({ originalIndex, position });
            x += 100;
        }
    return found;
}"""


@pytest.mark.parametrize("name", FILES)
def test_it_is_shown_and_its_points_are_known(name, live_server, logged_in, tmp_path):
    path, wishes = FILES[name]
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / path.rpartition("/")[2]).write_bytes(shared_file(path))
    scene = an_ingested_scene(folder, **wishes)
    frame = scene.frames.select_related("cloud").get()
    page = logged_in
    page.goto(f"{live_server.url}/scenes/{scene.pk}/")
    expect(page.locator("#stage")).to_have_attribute("data-frame", "0", timeout=30_000)
    picks = page.evaluate(PICKS)
    told = page.evaluate("scenePage.viewer.statistics()")
    assert told["total"] == frame.finite_count
    assert told["shown"] > min(20_000, 0.5 * frame.finite_count)
    assert len(picks) == 3, "the middle of the picture is empty: a stray point must not shrink it"
    positions = frame.read_cloud().positions()
    reach = np.ptp(positions[np.isfinite(positions).all(1)], axis=0).max()
    for pick in picks:
        assert pick["position"] == pytest.approx(positions[pick["originalIndex"]], abs=max(0.01, reach / 65_535))
    expect(page.locator("[data-message]")).to_be_hidden()
