"""Bad LAS and LAZ files are refused by an error that names what is wrong, before memory is allocated."""

from __future__ import annotations

import contextlib
import random
import struct
from dataclasses import replace
from pathlib import Path

import laspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.clouds import las, laz
from scenes.clouds.cloud import CloudError, Limits
from scenes.tests.clouds.allocation import at_most
from scenes.tests.clouds.las_samples import PLACES, changed, las_data, las_file, point_offset

OLD = las_file(las_data(3))
NEW = las_file(las_data(7))
LAZ = las_file(las_data(7, 200_000), compressed=True)
WITH_EXTRAS = las_file(las_data(0, extras=True))
EXTENDED = las_data(7)
EXTENDED.evlrs = laspy.vlrs.vlrlist.VLRList([laspy.VLR("someone", 7, "notes", b"x" * 100)])
NAN = float("nan")


def laszip_record(file: bytes) -> int:
    """Where the body of the laszip record begins."""
    return file.index(b"laszip encoded") + 16 + 2 + 2 + 32


def patched(file: bytes, place: int, kind: str, value: int) -> bytes:
    damaged = bytearray(file)
    struct.pack_into(kind, damaged, place, value)
    return bytes(damaged)


def chunk_table(file: bytes) -> int:
    return int(struct.unpack_from("<q", file, point_offset(file))[0])


HEADERS = {
    "an empty file": (b"", "the file is empty"),
    "another kind": (b"\x89PNG" + bytes(500), "the signature LASF is missing"),
    "a cut header": (OLD[:200], "ends inside the header, after 200 bytes"),
    "a cut header of 1.4": (NEW[:300], "ends inside the header, after 300 bytes"),
    "an unknown version": (changed(OLD, minor=6), r"version 1\.6 is unknown"),
    "version 0": (changed(OLD, major=0), r"version 0\.2 is unknown"),
    "a header size of 0": (changed(OLD, header_size=0), "header size is 0, LAS 1.2 needs 227"),
    "a header size of another version": (changed(NEW, header_size=227), "LAS 1.4 needs 375"),
    "points inside the header": (changed(OLD, point_offset=100), "points begin at byte 100, inside"),
    "points beyond the file": (changed(OLD, point_offset=2**31), "points begin at byte 2147483648"),
    "a VLR bomb": (changed(OLD, vlr_count=2**32 - 1), "4294967295 variable length records can not stand"),
    "one VLR too many": (changed(OLD, vlr_count=1), "1 variable length records can not stand"),
    "an unknown point format": (changed(NEW, point_format=11), "point format 11 is unknown in LAS 1.4"),
    "a point format of another version": (changed(OLD, point_format=6), "point format 6 is unknown in LAS 1.2"),
    "old compression": (changed(OLD, point_format=0x43), "LASzip before 1.0"),
    "a short record": (changed(OLD, record_length=33), "record length is 33, point format 3 needs 34"),
    "a record of 0": (changed(OLD, record_length=0), "record length is 0"),
    "no points": (changed(OLD, legacy_count=0), "no points: the header declares 0"),
    "one point too many": (changed(OLD, legacy_count=101), "101 points of 34 bytes need 3434 bytes, the file has 3400"),
    "a point count bomb": (changed(OLD, legacy_count=2**32 - 1), "4294967295 points exceed the limit"),
    "a 64-bit point count bomb": (
        changed(NEW, count=2**63, legacy_count=0),
        "9223372036854775808 points exceed the limit",
    ),
    "counts that disagree": (changed(NEW, count=50, legacy_count=100), "count is 50, the legacy point count is 100"),
    "a count too low": (changed(OLD, legacy_count=90), "340 bytes follow the declared 90 points"),
    "trailing data": (OLD + b"tail", "4 bytes follow the declared 100 points"),
    "a cut file": (OLD[:-1], "need 3400 bytes, the file has 3399"),
    "a longer record": (changed(OLD, record_length=35), "100 points of 35 bytes need 3500 bytes"),
    "scale 0": (changed(OLD, x_scale=0), r"scale factor is 0\.0 \(field x\)"),
    "scale NaN": (changed(OLD, y_scale=NAN), r"scale factor is nan \(field y\)"),
    "scale infinite": (changed(OLD, y_scale=np.inf), r"scale factor is inf \(field y\)"),
    "an overflowing scale": (changed(OLD, y_scale=1e305), r"make no finite coordinate \(field y\)"),
    "offset NaN": (changed(OLD, z_offset=NAN), r"make no finite coordinate \(field z\)"),
    "bounds NaN": (changed(OLD, x_max=NAN), r"the bounds are .* to nan \(field x\)"),
    "bounds infinite": (changed(OLD, y_min=-np.inf), r"the bounds are -inf to"),
    "extended records beyond": (
        changed(NEW, extended_start=10**12, extended_count=1),
        "1 extended records from byte 1000000000000 are not in the file",
    ),
    "an extended record bomb": (
        changed(NEW, extended_start=400, extended_count=2**32 - 1),
        "4294967295 extended records",
    ),
    "extended records in the points": (
        changed(las_file(EXTENDED), extended_start=400),
        "extended records at byte 400 overlap the points",
    ),
    "a VLR longer than its room": (
        patched(WITH_EXTRAS, 227 + 20, "<H", 60_000),
        "variable length record 1 of 1 has 60000 bytes and overlaps",
    ),
    "an unknown extra type": (
        patched(WITH_EXTRAS, 227 + 54 + 2, "B", 31),
        r"type 31 of the extra bytes is unknown \(field Amplitude\)",
    ),
    "an extra of no bytes": (patched(WITH_EXTRAS, 227 + 54 + 2, "<H", 0), "has no bytes"),
    "extras longer than the record": (
        patched(WITH_EXTRAS, 227 + 54 + 2, "B", 30),
        "described extra bytes exceed the 23 of a record of 43",
    ),
    "a scale of an extra that is NaN": (
        patched(WITH_EXTRAS, 227 + 54 + 112 + 6, "<H", 0x7FF8),
        "scale or offset of the extra bytes is not finite",
    ),
}

COMPRESSED = {
    "no laszip record": (LAZ.replace(b"laszip encoded", b"laszip encodes"), "one laszip record, this has 0"),
    "a LAS declared as LAZ": (changed(NEW, point_format=7 | 0x80), "one laszip record, this has 0"),
    "a LAZ declared as LAS": (changed(LAZ, point_format=7), "points of 36 bytes need"),
    "an unknown compressor": (patched(LAZ, laszip_record(LAZ), "<H", 9), "compressor 9 of LASzip"),
    "chunks of 0 points": (patched(LAZ, laszip_record(LAZ) + 12, "<I", 0), "chunks of 0 points"),
    "an item bomb": (patched(LAZ, laszip_record(LAZ) + 32, "<H", 65535), "cut: it declares 65535 items"),
    "an unknown item": (patched(LAZ, laszip_record(LAZ) + 34, "<H", 77), "item 77 in compression version 3"),
    "a new item": (patched(LAZ, laszip_record(LAZ) + 38, "<H", 4), "Point14 in compression version 4"),
    "items of another size": (
        patched(LAZ, laszip_record(LAZ) + 36, "<H", 34),
        "compressed items make 40 bytes a point, the record length is 36",
    ),
    "a chunk table beyond the file": (
        patched(LAZ, point_offset(LAZ), "<q", 10**15),
        "the chunk table is at byte 1000000000000000",
    ),
    "a chunk table before the points": (patched(LAZ, point_offset(LAZ), "<q", 5), "the chunk table is at byte 5"),
    "a cut file": (LAZ[:-2000], "the chunk table is at byte"),
    "half a file": (LAZ[: len(LAZ) // 2], "the chunk table is at byte"),
    "only a header": (LAZ[: point_offset(LAZ)], "the chunk table is at byte -1"),
    "a chunk bomb": (patched(LAZ, chunk_table(LAZ) + 4, "<I", 2**32 - 1), "4294967295 chunks can not stand"),
    "a chunk too few": (patched(LAZ, chunk_table(LAZ) + 4, "<I", 3), "make 4 chunks of 50000, the file has 3"),
    "too many points": (
        changed(LAZ, count=150_000_000, legacy_count=0),
        "150000000 points make 3000 chunks of 50000, the file has 4",
    ),
    "too many points in one chunk": (
        changed(
            patched(patched(LAZ, laszip_record(LAZ) + 12, "<I", 2**32 - 1), chunk_table(LAZ) + 4, "<I", 1),
            count=199_000_000_000,
            legacy_count=0,
        ),
        "199000000000 points exceed the limit",
    ),
}


@pytest.mark.parametrize(("file", "reason"), HEADERS.values(), ids=HEADERS)
def test_a_bad_las_file_is_refused_by_name(file: bytes, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        las.read(file, name="bad.las")
    assert caught.value.file == "bad.las"
    assert caught.value.remedy


@pytest.mark.parametrize(("file", "reason"), COMPRESSED.values(), ids=COMPRESSED)
def test_a_bad_laz_file_is_refused_before_it_is_decompressed(
    file: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(laz.child, "blocks", lambda *args, **named: pytest.fail("it was decompressed"))
    with pytest.raises(CloudError, match=reason) as caught:
        las.read(file, name="bad.laz")
    assert caught.value.file == "bad.laz"


def test_more_points_than_the_bytes_can_hold_are_refused() -> None:
    small = las_file(las_data(7), compressed=True)
    one_chunk = patched(small, laszip_record(small) + 12, "<I", 2**32 - 2)
    bomb = changed(one_chunk, count=4_000_000_000, legacy_count=0)
    wide = Limits(max_points=10**10, max_bytes=10**12)
    with pytest.raises(CloudError, match="compressed bytes can not hold 4000000000 points"):
        las.read(bomb, limits=wide)


@pytest.mark.parametrize("name", ["scale NaN", "a point count bomb", "a VLR bomb", "trailing data"])
def test_chunks_refuse_what_read_refuses(name: str, tmp_path: Path) -> None:
    file, reason = HEADERS[name]
    path = tmp_path / "плохо.las"
    path.write_bytes(file)
    with pytest.raises(CloudError, match=reason) as caught:
        next(las.chunks(path))
    assert caught.value.file == "плохо.las"


def test_a_bomb_allocates_nothing() -> None:
    files = (HEADERS["a point count bomb"][0], COMPRESSED["too many points"][0], HEADERS["a VLR bomb"][0])
    for file in files:
        with at_most(1_000_000), pytest.raises(CloudError):
            las.read(file)


def test_the_limit_of_points_is_the_callers() -> None:
    with pytest.raises(CloudError, match="100 points exceed the limit of 99"):
        las.read(OLD, limits=Limits(max_points=99))
    with pytest.raises(CloudError, match="3400 bytes of points exceed the limit of 3399"):
        las.read(OLD, limits=Limits(max_bytes=3399))


def test_only_the_legacy_count_is_enough_in_a_file_of_1_4() -> None:
    assert len(las.read(changed(NEW, count=0, legacy_count=100))) == 100


def test_zeros_after_the_points_are_padding() -> None:
    assert len(las.read(OLD + bytes(4096))) == 100


@pytest.mark.parametrize("seed", range(6))
def test_damaged_compressed_points_are_refused_or_within_their_bounds(seed: int) -> None:
    source = random.Random(seed)
    damaged = bytearray(LAZ)
    begin, end = point_offset(LAZ) + 8, chunk_table(LAZ)
    for _ in range(20):
        damaged[source.randrange(begin, end)] ^= 1 << source.randrange(8)
    # A bit that only changes a colour can not be noticed: then the cloud is whole and inside its bounds.
    with contextlib.suppress(CloudError):
        cloud = las.read(bytes(damaged))
        header = las.read_header(LAZ)
        slack = 1e-3 * (header.maximum[0] - header.minimum[0]) + 0.001
        assert len(cloud) == 200_000
        assert cloud.points["x"].max() <= header.maximum[0] + slack


def test_a_garbage_chunk_table_ends_at_most_the_child() -> None:
    table = chunk_table(LAZ)
    garbage = LAZ[: table + 8] + random.Random(0).randbytes(len(LAZ) - table - 8)
    with pytest.raises(CloudError):
        las.read(garbage, name="garbage.laz")


def test_compressed_points_beyond_the_declared_bounds_are_refused() -> None:
    with pytest.raises(CloudError, match=r"points reach from .* the header declares .* \(field x\)"):
        las.read(changed(LAZ, x_max=500_000.0))


def test_a_decompressor_over_its_limit_of_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laz, "LIMITS", replace(laz.LIMITS, memory_bytes=64 * 1024**2))
    with pytest.raises(CloudError):
        las.read(LAZ)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    path.write_bytes(las_file(las_data(3, 100_000)))
    chunks = las.chunks(path, points_per_chunk=1000)
    next(chunks)
    with path.open("r+b") as file:
        file.truncate(100_000)
    with pytest.raises(CloudError, match="became shorter while it was read"):
        list(chunks)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damage_to_an_uncompressed_file_is_a_cloud_or_a_named_error(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from([OLD, NEW, WITH_EXTRAS])))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    with contextlib.suppress(CloudError):
        las.read(bytes(damaged[:cut] if data.draw(st.booleans()) else damaged))


@settings(max_examples=200, deadline=None)
@given(field=st.sampled_from(sorted(PLACES)), raw=st.binary(min_size=8, max_size=8), new=st.booleans())
def test_any_number_in_the_header_is_a_cloud_or_a_named_error(field: str, raw: bytes, new: bool) -> None:
    place, kind = PLACES[field]
    size = struct.calcsize(kind)
    file = NEW if new else OLD
    with contextlib.suppress(CloudError):
        las.read(file[:place] + raw[:size] + file[place + size :])
