"""KITTI and nuScenes scans: read back as written, refused when cut or when the bytes are something else."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scenes.clouds import kitti, nuscenes
from scenes.clouds.cloud import CloudError, Limits
from scenes.tests.clouds.samples import outcome, shared_file, street


def kitti_points(n: int = 500) -> npt.NDArray[np.void]:
    """A scan with remissions in 0..1."""
    points = np.empty(n, kitti.RECORDS.dtype)
    for axis, column in zip("xyz", street(n=n).T, strict=True):
        points[axis] = column
    points["intensity"] = np.random.default_rng(1).random(n)
    return points


def nuscenes_points(n: int = 500) -> npt.NDArray[np.void]:
    """A sweep with intensities in 0..255 and 32 rings."""
    points = np.empty(n, nuscenes.RECORDS.dtype)
    for axis, column in zip("xyz", street(n=n).T, strict=True):
        points[axis] = column
    points["intensity"] = np.arange(n) % 256
    points["ring"] = np.arange(n) % 32
    return points


coordinates = st.floats(-1000, 1000, width=32).filter(lambda value: value == 0 or abs(value) > 1e-3)


@given(
    arrays(np.float32, (7, 3), elements=coordinates),
    arrays(np.float32, 7, elements=st.floats(0, 65535, width=32)),
    arrays(np.uint8, 7),
)
def test_scans_read_back_as_written(
    positions: npt.NDArray[np.float32],
    intensity: npt.NDArray[np.float32],
    ring: npt.NDArray[np.uint8],
) -> None:
    points = np.empty(7, nuscenes.RECORDS.dtype)
    for axis, column in zip("xyz", positions.T, strict=True):
        points[axis] = column
    points["intensity"], points["ring"] = intensity, ring
    np.testing.assert_array_equal(nuscenes.read(nuscenes.write(points)).points, points)
    cloud = kitti.read(kitti.write(points))
    assert cloud.names == ("x", "y", "z", "intensity")
    for name in cloud.names:
        np.testing.assert_array_equal(cloud.points[name], points[name])
    assert (cloud.width, cloud.height) == (7, 1)


@given(st.binary(max_size=4096))
def test_any_bytes_are_a_scan_or_refused_with_a_reason(data: bytes) -> None:
    for records in (kitti.RECORDS, nuscenes.RECORDS):
        result = outcome(partial(records.read, data, name="a.bin"))
        if isinstance(result, CloudError):
            assert (result.file, bool(result.reason), bool(result.remedy)) == ("a.bin", True, True)
        else:
            assert len(result) * records.dtype.itemsize == len(data)


@pytest.mark.parametrize("size", [1, 15, 17, 799, 8001])
def test_a_cut_file_is_refused_with_both_sizes(size: int) -> None:
    with pytest.raises(CloudError, match=f"{size} bytes are no multiple of the 16 bytes of a KITTI"):
        kitti.read(kitti.write(kitti_points(501))[:size])


def test_an_empty_file_and_a_file_over_the_limit_are_refused() -> None:
    with pytest.raises(CloudError, match="no points: the file is empty"):
        kitti.read(b"")
    with pytest.raises(CloudError, match="500 points exceed the limit of 499"):
        kitti.read(kitti.write(kitti_points()), limits=Limits(max_points=499))


def test_a_nuscenes_sweep_is_not_taken_for_kitti_although_its_size_fits() -> None:
    data = nuscenes.write(nuscenes_points(500))
    assert len(data) % 16 == 0
    with pytest.raises(CloudError, match=r"do not look like KITTI \.bin, was another kind meant") as caught:
        kitti.read(data, name="000000.bin")
    assert caught.value.file == "000000.bin"


def test_a_kitti_scan_is_not_taken_for_nuscenes_although_its_size_fits() -> None:
    data = kitti.write(kitti_points(500))
    assert len(data) % 20 == 0
    with pytest.raises(CloudError, match=r"do not look like nuScenes .pcd.bin, was another kind meant"):
        nuscenes.read(data)


@pytest.mark.parametrize("points", [40_000, 80_000, 140_000])
def test_the_wrong_kind_is_seen_in_large_files_too(points: int) -> None:
    with pytest.raises(CloudError, match="was another kind meant"):
        kitti.read(nuscenes.write(nuscenes_points(points)))
    with pytest.raises(CloudError, match="was another kind meant"):
        nuscenes.read(kitti.write(kitti_points(points)))


def test_labels_are_not_taken_for_a_scan() -> None:
    labels = np.random.default_rng(3).choice([0, 10, 40, 48, 70, (3 << 16) | 252], 4000).astype("<u4")
    with pytest.raises(CloudError, match="most coordinates lie within"):
        kitti.read(labels.tobytes())


def test_text_and_a_pcd_file_are_not_taken_for_a_scan() -> None:
    text = b"1.25 -3.75 0.11 0.5\n" * 400
    for data in (text, b"# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\n" * 16):
        with pytest.raises(CloudError, match="do not look like"):
            kitti.read(data[: len(data) // 16 * 16])


def test_one_stray_point_is_a_matter_of_the_recording() -> None:
    points = kitti_points()
    points["x"][7], points["y"][9] = 3e30, np.nan
    assert len(kitti.read(kitti.write(points))) == 500


def test_a_cloud_of_nan_and_a_cloud_mostly_of_nan_are_refused() -> None:
    points = kitti_points()
    points["y"] = np.nan
    with pytest.raises(CloudError, match="no point has a finite position"):
        kitti.read(kitti.write(points))
    points["y"][:100] = 1
    with pytest.raises(CloudError, match="80% of the values are not finite") as caught:
        kitti.read(kitti.write(points))
    assert caught.value.field == "y"


def test_writing_needs_every_field() -> None:
    with pytest.raises(CloudError, match="needs the field 'ring'"):
        nuscenes.write(kitti_points())


REAL_KITTI = {
    "mit-han-lab__spvnas/assets/000000.bin": 123389,
    "open-mmlab__mmdetection3d/demo/data/kitti/000008.bin": 17238,
    "open-mmlab__mmdetection3d/tests/data/semantickitti/sequences/00/velodyne/000000.bin": 50,
}
REAL_NUSCENES = (
    "open-mmlab__mmdetection3d/demo/data/nuscenes/n015-2018-07-24-11-22-45+0800__LIDAR_TOP__1532402927647951.pcd.bin"
)


@pytest.mark.parametrize("path", REAL_KITTI)
def test_real_kitti_scans_have_the_points_of_the_manifest(path: str) -> None:
    data = shared_file(path)
    cloud = kitti.read(data, name=path)
    assert len(cloud) == REAL_KITTI[path]
    expected = np.frombuffer(data, "<f4").reshape(-1, 4)
    np.testing.assert_array_equal(cloud.positions(), expected[:, :3])
    np.testing.assert_array_equal(cloud.points["intensity"], expected[:, 3])


def test_the_real_nuscenes_sweep_is_read_as_such_and_refused_as_kitti() -> None:
    data = shared_file(REAL_NUSCENES)
    cloud = nuscenes.read(data)
    assert len(cloud) == 34688
    np.testing.assert_array_equal(np.unique(cloud.points["ring"]), np.arange(32))
    assert len(data) % 16 == 0
    with pytest.raises(CloudError, match="was another kind meant"):
        kitti.read(data)


def test_the_real_kitti_scan_is_refused_as_nuscenes() -> None:
    data = shared_file("mit-han-lab__spvnas/assets/000000.bin")
    with pytest.raises(CloudError, match="was another kind meant"):
        nuscenes.read(data[: len(data) // 80 * 80])
