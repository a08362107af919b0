"""The real drive beside the project goes in with the counts of its MANIFEST."""

import csv

import pytest
from django.conf import settings

from scenes.tests.factories import an_ingested_scene

DATA = settings.BASE_DIR.parent / "shared/data"
SEQUENCE = DATA / "udacity__SFND_Lidar_Obstacle_Detection/src/sensors/data/pcd/data_1"


@pytest.mark.django_db
@pytest.mark.skipif(not SEQUENCE.is_dir(), reason="the real point clouds of ../shared/data are not here")
def test_the_real_drive_has_the_frames_and_points_of_its_manifest():
    with (DATA / "MANIFEST.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    wanted = {row["path"].rsplit("/", 1)[1]: row for row in rows if row["kind"] == "sequence"}
    scene = an_ingested_scene(SEQUENCE)
    found = {frame.name: frame for frame in scene.frames.select_related("cloud")}
    assert found.keys() == wanted.keys()
    assert {name: frame.point_count for name, frame in found.items()} == {
        name: int(row["points"]) for name, row in wanted.items()
    }
    assert all(found[name].cloud.digest == row["sha256"] for name, row in wanted.items())
    assert (scene.frame_count, scene.quarantined_count) == (len(wanted), 0)
    assert scene.point_count == sum(int(row["points"]) for row in wanted.values())
