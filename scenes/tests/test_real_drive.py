"""Real clouds that nobody here wrote go in with the numbers of their MANIFEST, or are refused with a reason."""

import csv

import pytest
from django.conf import settings
from django.core.management import call_command

from scenes import ingest
from scenes.models import FrameState, IngestJob, IngestState, Ontology, SemanticClass
from scenes.tests.factories import an_ingested_scene

DATA = settings.BASE_DIR.parent / "shared/data"
SEQUENCE = DATA / "udacity__SFND_Lidar_Obstacle_Detection/src/sensors/data/pcd/data_1"


KITTI_TREE = DATA / "open-mmlab__mmdetection3d/tests/data/semantickitti"
# Formats of the MANIFEST that hold a cloud each, and what has to be declared for those without a header.
CLOUDS = {"pcd": "", "las": "", "laz": "", "ply": "", "kitti": "kitti", "nuscenes": ""}
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not SEQUENCE.is_dir(), reason="the real point clouds of ../shared/data are not here"),
]


def manifest() -> list[dict[str, str]]:
    if not DATA.is_dir():
        return []
    with (DATA / "MANIFEST.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row for row in rows if row["format"] and row["format"].split()[0] in CLOUDS]


def is_broken(row: dict[str, str]) -> bool:
    """Whether two independent readers could not agree on points to read."""
    return row["points"] in ("", "0") or any(word in row["two_reader_check"] for word in ("strict:", "unreadable"))


def an_ika_ontology() -> Ontology:
    """The classes of that drive by number: what the numbers mean is of no interest here."""
    ontology = Ontology.objects.create(name="ika by number")
    for index in range(14):
        SemanticClass.objects.create(
            ontology=ontology, index=index, name=f"class {index}", colour=f"#0000{index:02x}", raw_ids=[index]
        )
    return ontology


def test_the_drive_has_the_frames_and_points_of_its_manifest():
    wanted = {row["path"].rsplit("/", 1)[1]: row for row in manifest() if row["kind"] == "sequence"}
    scene = an_ingested_scene(SEQUENCE)
    found = {frame.name: frame for frame in scene.frames.select_related("cloud")}
    assert found.keys() == wanted.keys()
    assert {name: frame.point_count for name, frame in found.items()} == {
        name: int(row["points"]) for name, row in wanted.items()
    }
    assert all(found[name].cloud.digest == row["sha256"] for name, row in wanted.items())
    assert (scene.frame_count, scene.quarantined_count) == (len(wanted), 0)
    assert scene.point_count == sum(int(row["points"]) for row in wanted.values())


@pytest.mark.parametrize("row", [row for row in manifest() if row["kind"] != "sequence"], ids=lambda row: row["path"])
def test_every_file_is_in_with_its_numbers_or_refused_with_a_reason(row):
    frame = an_ingested_scene(DATA / row["path"], format=CLOUDS[row["format"].split()[0]]).frames.get()
    assert frame.cloud.digest == row["sha256"], "the original is kept, good or bad"
    if is_broken(row):
        assert frame.state == FrameState.QUARANTINED
        assert frame.name in frame.problem
    else:
        assert (frame.state, frame.problem) == (FrameState.READY, "")
        assert frame.point_count == int(row["points"])


def test_the_labelled_drive_gets_its_labels_from_the_field_of_its_clouds():
    scene = an_ingested_scene(DATA / "derived__ika_drive_labelled", field_ontology=an_ika_ontology().name)
    assert scene.captured_at.year == 2020, "the names hold the times"
    assert scene.duration_seconds > 1
    assert scene.quarantined_count == 0
    labels = scene.label_sets.get()
    assert (labels.frame_count, sum(labels.class_counts)) == (scene.frame_count, scene.point_count)


def test_a_semantic_kitti_tree_goes_in_with_its_labels():
    call_command("ingest", str(KITTI_TREE), "--tree", "semantic-kitti")
    job = IngestJob.objects.get()
    ingest.work(job.pk)
    job.refresh_from_db()
    assert (job.state, job.problem) == (IngestState.DONE, "")
    labels = job.scene.label_sets.get()
    assert labels.ontology.name == "SemanticKITTI"
    assert sum(labels.class_counts) == job.scene.point_count == 50
