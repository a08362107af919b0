"""Clouds too large for one display chunk, or for memory: they go through the octree."""

import numpy as np
import pytest

from scenes.clouds import octree_index, pcd
from scenes.models import FrameState
from scenes.tests.clouds import las_samples
from scenes.tests.factories import a_cloud, an_ingested_scene

pytestmark = pytest.mark.django_db


def octree_of(frame):
    index = octree_index.read_index(frame.octree_index.read())
    return index, frame.display.read(), np.frombuffer(frame.octree_order.read(), np.uint32)


def test_a_cloud_with_a_stray_far_point_keeps_its_precision(tmp_path):
    cloud = a_cloud(points=5000)
    cloud["x"][17] = 40_000.0
    (tmp_path / "stray.pcd").write_bytes(pcd.write(cloud))
    frame = an_ingested_scene(tmp_path / "stray.pcd").frames.get()
    index, data, order = octree_of(frame)
    assert index.points == 5000
    found = np.concatenate([octree_index.node_positions(data, index, node) for node in range(len(index))])
    near = np.abs(cloud["x"][order]) < 1000
    assert np.abs(found[near, 0] - cloud["x"][order][near]).max() <= 0.01
    assert any("far" in warning or "stray" in warning for warning in frame.warnings)


def test_a_cloud_of_more_than_half_a_million_points_is_an_octree(tmp_path):
    (tmp_path / "big.pcd").write_bytes(pcd.write(a_cloud(points=600_000)))
    frame = an_ingested_scene(tmp_path / "big.pcd").frames.get()
    index, _, order = octree_of(frame)
    assert index.points == 600_000
    assert np.array_equal(np.sort(order), np.arange(600_000))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_large_las_file_streams_with_the_same_numbers(tmp_path, settings, compressed):
    path = tmp_path / ("terrain.laz" if compressed else "terrain.las")
    path.write_bytes(las_samples.las_file(compressed=compressed))
    whole = an_ingested_scene(path, drive="read whole").frames.get()
    settings.INGEST_STREAM_BYTES = 0
    other = tmp_path / f"streamed{path.suffix}"
    other.write_bytes(path.read_bytes())
    streamed = an_ingested_scene(other).frames.get()
    assert streamed.state == FrameState.READY, streamed.problem
    facts = ("point_count", "finite_count", "lower_bound", "upper_bound", "intensity_min", "intensity_max", "fields")
    assert {fact: getattr(streamed, fact) for fact in facts} == {fact: getattr(whole, fact) for fact in facts}
    assert streamed.range_max == pytest.approx(whole.range_max)
    assert streamed.cloud == whole.cloud, "the same bytes are kept once"
    assert octree_of(streamed)[0].points == whole.finite_count


def test_a_damaged_large_file_is_quarantined_and_kept(tmp_path, settings):
    settings.INGEST_STREAM_BYTES = 0
    (tmp_path / "cut.las").write_bytes(las_samples.las_file()[:-30])
    frame = an_ingested_scene(tmp_path / "cut.las").frames.get()
    assert frame.state == FrameState.QUARANTINED
    assert frame.cloud is not None
    assert "cut.las" in frame.problem
