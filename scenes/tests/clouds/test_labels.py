"""Labels and uncertainties per point: read by their declared kind, counted, mapped to classes."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scenes.clouds import pcd
from scenes.clouds.cloud import CloudError
from scenes.clouds.labels import count_classes, map_labels, read_labels, read_uncertainty
from scenes.tests.clouds.samples import cloud_of, outcome, shared_file

raw_ids = arrays(np.uint32, st.integers(1, 50))


def npy(values: npt.NDArray[Any], *, allow_pickle: bool = False) -> bytes:
    """The bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, values, allow_pickle=allow_pickle)
    return file.getvalue()


@given(raw_ids)
def test_semantic_kitti_labels_read_back_as_written(packed: npt.NDArray[np.uint32]) -> None:
    labels = read_labels(packed.astype("<u4").tobytes(), kind="semantic-kitti", points=len(packed))
    assert labels.instance is not None
    assert (labels.semantic.dtype, labels.instance.dtype) == (np.uint32, np.uint32)
    np.testing.assert_array_equal(labels.semantic + (labels.instance << 16), packed)
    assert labels.semantic.max() <= 0xFFFF


@given(arrays(np.uint8, st.integers(1, 50)))
def test_lidarseg_labels_read_back_as_written(values: npt.NDArray[np.uint8]) -> None:
    labels = read_labels(values.tobytes(), kind="lidarseg", points=len(values))
    assert labels.instance is None
    np.testing.assert_array_equal(labels.semantic, values)


@given(raw_ids, st.sampled_from(["<u4", ">u4", "<i8", ">u8", "<u2", "u1"]))
def test_npy_labels_read_back_as_written(values: npt.NDArray[np.uint32], code: str) -> None:
    stored = values.astype(code)
    labels = read_labels(npy(stored), kind="npy", points=len(values))
    np.testing.assert_array_equal(labels.semantic, stored)
    assert labels.semantic.dtype == np.uint32


@pytest.mark.parametrize("field", ["label", "classification", "Label"])
@pytest.mark.parametrize("code", ["u1", "i4", "u4", "f4", "f8"])
def test_a_field_of_the_cloud_may_hold_the_labels(field: str, code: str) -> None:
    cloud = cloud_of(np.ones((3, 3), np.float32), intensity=np.ones(3), **{field: np.array([0, 7, 40], code)})
    labels = read_labels(cloud, kind="field", points=3)
    assert labels.semantic.tolist() == [0, 7, 40]


@pytest.mark.parametrize(
    ("kind", "data", "count"),
    [
        ("semantic-kitti", bytes(4 * 7), 7),
        ("lidarseg", bytes(11), 11),
        ("npy", npy(np.zeros(9, np.uint8)), 9),
    ],
)
def test_a_wrong_number_of_labels_is_refused_with_both_numbers(kind: str, data: bytes, count: int) -> None:
    with pytest.raises(CloudError, match=rf"{count}\D.*10 points") as caught:
        read_labels(data, kind=kind, points=10, name="000003.label")
    assert caught.value.file == "000003.label"


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("semantic-kitti", bytes(9), "9 bytes are no multiple of the 4 bytes"),
        ("label", bytes(8), "the kind 'label' can not be read from this"),
        ("field", bytes(8), "the kind 'field' can not be read from this"),
        ("npy", b"", "no .npy file"),
        ("npy", b"PK\x03\x04" + bytes(100), "no .npy file"),
        ("npy", b"\x93NUMPY\x01\x00\x50\x00" + b"(" * 80, "no .npy file"),
        ("npy", b"\x93NUMPY\x09\x00\x50\x00" + b" " * 80, "version of the .npy file is unknown|no .npy"),
        ("npy", npy(np.zeros(2))[:40], "no .npy file, or its header is damaged"),
        ("npy", npy(np.zeros(2)), "the labels have the type float64"),
        ("npy", npy(np.array([None, 1]), allow_pickle=True), "the labels have the type object"),
        ("npy", npy(np.zeros(2, [("a", "u4")])), "the labels have the type"),
        ("npy", npy(np.array(["a", "b"])), "the labels have the type <U1"),
        ("npy", npy(np.zeros((2, 1), int)), r"the shape \(2, 1\), the cloud has 2 points"),
        ("npy", npy(np.zeros(2, np.uint8)) + b"x", "declares 2 bytes, the file holds 3"),
        ("npy", npy(np.zeros(2, np.uint8))[:-1], "declares 2 bytes, the file holds 1"),
        ("npy", npy(np.array([3, -1])), "the label of point 1 is -1, not a whole number"),
        ("npy", npy(np.array([2**32, 1])), "the label of point 0 is 4294967296"),
        ("npy", pickle.dumps([1, 2]), "no .npy file"),
    ],
)
def test_bad_label_files_are_refused_by_name(kind: str, data: bytes, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        read_labels(data, kind=kind, points=2, name="a.npy")
    assert caught.value.file == "a.npy"


@pytest.mark.parametrize("values", [[0.5, 1], [np.nan, 1], [-1, 1], [2.0**32, 1]])
def test_a_field_that_holds_no_whole_numbers_is_refused(values: list[float]) -> None:
    cloud = cloud_of(np.ones((2, 3), np.float32), label=np.array(values, np.float32))
    with pytest.raises(CloudError, match=r"the label of point 0 is .*, not a whole number"):
        read_labels(cloud, kind="field", points=2)


def test_a_cloud_without_labels_says_what_it_has() -> None:
    with pytest.raises(CloudError, match="no field label or classification: it has x, y, z"):
        read_labels(cloud_of(np.ones((2, 3))), kind="field", points=2)


def test_an_array_that_declares_a_huge_shape_is_refused_unallocated() -> None:
    header = b"{'descr': '<u4', 'fortran_order': False, 'shape': (4000000000,), }".ljust(117) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(16)
    with pytest.raises(CloudError, match=r"the shape \(4000000000,\), the cloud has 4 points"):
        read_labels(data, kind="npy", points=4)
    with pytest.raises(CloudError, match="declares 16000000000 bytes, the file holds 16"):
        read_labels(data, kind="npy", points=4_000_000_000)


@given(st.data())
def test_a_damaged_npy_file_is_read_or_refused(data: st.DataObject) -> None:
    file = bytearray(npy(np.arange(6, dtype=np.int32)))
    for _ in range(data.draw(st.integers(1, 5))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    for result in (
        outcome(lambda: read_labels(bytes(file), kind="npy", points=6, name="a").semantic),
        outcome(lambda: read_uncertainty(bytes(file), kind="npy", points=6, name="a")),
    ):
        assert result.file == "a" if isinstance(result, CloudError) else result.shape == (6,)


@given(raw_ids, st.dictionaries(st.integers(0, 2**32 - 1), st.integers(0, 300)), st.integers(0, 3))
def test_mapping_agrees_with_a_look_up_per_point(
    raw: npt.NDArray[np.uint32], table: dict[int, int], unknown: int
) -> None:
    table |= {int(raw[0]): 5}
    mapped = map_labels(raw, table, unknown=unknown)
    assert mapped.indices.tolist() == [table.get(int(one), unknown) for one in raw]
    assert mapped.indices.dtype == (np.uint8 if max(table.values()) < 256 else np.uint16)
    missing = [int(one) for one in raw if int(one) not in table]
    assert mapped.unknown == {one: missing.count(one) for one in missing}


def test_without_a_table_every_id_is_unknown() -> None:
    mapped = map_labels(np.array([7, 7, 9], np.uint32), {}, unknown=2)
    assert mapped.indices.tolist() == [2, 2, 2]
    assert mapped.unknown == {7: 2, 9: 1}


def test_an_index_that_no_label_type_holds_is_refused() -> None:
    for bad in (-1, 65_536):
        with pytest.raises(CloudError, match=r"an index of a class is outside 0\.\.65535"):
            map_labels(np.array([1], np.uint32), {1: bad})


def test_classes_are_counted_absent_ones_too() -> None:
    assert count_classes(np.array([0, 2, 2], np.uint8), 4).tolist() == [1, 0, 2, 0]
    with pytest.raises(CloudError, match=r"the class 4 is outside 0\.\.3"):
        count_classes(np.array([0, 4]), 4)


uncertain = st.floats(0, 10, width=16, allow_subnormal=False) | st.just(float("nan"))


@given(arrays(np.float16, st.integers(1, 40), elements=uncertain))
def test_uncertainties_read_back_as_written(values: npt.NDArray[np.float16]) -> None:
    single = values.astype("<f4")
    for stored in (values, single, single.astype(">f4")):
        read = read_uncertainty(npy(stored), kind="npy", points=len(values))
        np.testing.assert_array_equal(read, stored)
        assert read.dtype == stored.dtype.newbyteorder("=")
    np.testing.assert_array_equal(read_uncertainty(single.tobytes(), kind="float32", points=len(values)), single)


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("float32", bytes(12), "there are 3 uncertainties, the cloud has 2 points"),
        ("float32", bytes(9), "no multiple of the 4 bytes"),
        ("npy", npy(np.zeros(2)), "the uncertainties have the type float64"),
        ("npy", npy(np.zeros(2, int)), "the uncertainties have the type int64"),
        ("npy", npy(np.zeros(3, np.float16)), r"the shape \(3,\), the cloud has 2 points"),
        ("float32", np.array([0, np.inf], "<f4").tobytes(), "the uncertainty of point 1 is infinite"),
        ("float32", np.array([40, (7 << 16) | 48], "<u4").tobytes(), "are these labels"),
        ("float64", bytes(16), "the kind 'float64' can not be read"),
    ],
)
def test_bad_uncertainties_are_refused_by_name(kind: str, data: bytes, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        read_uncertainty(data, kind=kind, points=2, name="7.npy")
    assert caught.value.file == "7.npy"


@pytest.mark.parametrize(
    ("cloud", "labels", "points"),
    [
        ("mit-han-lab__spvnas/assets/000000.bin", "mit-han-lab__spvnas/assets/000000.label", 123389),
        *[
            (f"{folder}/velodyne/000000.bin", f"{folder}/labels/000000.label", 50)
            for folder in ["open-mmlab__mmdetection3d/tests/data/semantickitti/sequences/00"]
        ],
    ],
)
def test_real_labels_have_the_count_of_their_scan(cloud: str, labels: str, points: int) -> None:
    assert len(shared_file(cloud)) // 16 == points
    read = read_labels(shared_file(labels), kind="semantic-kitti", points=points)
    assert len(read.semantic) == points
    with pytest.raises(CloudError, match=f"there are {points} labels, the cloud has {points - 1} points"):
        read_labels(shared_file(labels), kind="semantic-kitti", points=points - 1)


IKA = "ika-rwth-aachen__PCLSegmentation/dataset_samples/sample_dataset/train"


@pytest.mark.parametrize(
    ("stamp", "points"),
    [
        ("1603960637314959526", 3285),
        ("1603960637514871120", 3167),
        ("1603960637614809990", 3172),
        ("1603960637814712524", 3190),
    ],
)
def test_labels_of_the_real_drive_agree_between_array_and_cloud(stamp: str, points: int) -> None:
    data = shared_file(f"{IKA}/{stamp}.npy")
    image = np.load(io.BytesIO(data), allow_pickle=False)
    column = image[image[..., 4] > 0][:, 5].astype(np.uint8)
    cloud = pcd.read(shared_file(f"derived__ika_drive_labelled/{stamp}.pcd"))
    from_field = read_labels(cloud, kind="field", points=points)
    from_array = read_labels(npy(column), kind="npy", points=points)
    np.testing.assert_array_equal(np.sort(from_field.semantic), np.sort(from_array.semantic))
    with pytest.raises(CloudError, match="the labels have the type float64"):
        read_labels(data, kind="npy", points=points)
