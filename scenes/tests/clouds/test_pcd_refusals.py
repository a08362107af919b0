"""Bad PCD files are refused by an error that names what is wrong, before memory is allocated for them."""

from __future__ import annotations

import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from imagecodecs import lzf_encode

from scenes.clouds import pcd
from scenes.clouds.cloud import CloudError, Limits
from scenes.tests.clouds.samples import THREE_POINTS, THREE_ROWS, ascii_file, pcd_file

HUGE = {"WIDTH": "150000000", "POINTS": "150000000"}
FIELD_MAJOR = np.arange(1, 13, dtype="<f4").reshape(3, 4).T.tobytes()
STREAM = lzf_encode(FIELD_MAJOR)


def compressed_file(
    stream: bytes = STREAM, *, compressed: int | None = None, declared: int = 48, tail: bytes = b""
) -> bytes:
    sizes = struct.pack("<II", len(stream) if compressed is None else compressed, declared)
    return pcd_file(sizes + stream + tail, DATA="binary_compressed")


HEADERS = {
    "an empty file": (b"", "the file is empty"),
    "a file of another kind": (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a PCD header"),
    "an unknown keyword": (b"FIEL x\n" + pcd_file(), "unknown header line 'FIEL x'"),
    "a header without end": (
        b"# comment\n" * 10_000,
        "DATA line is missing: there is none in the first 65536",
    ),
    "a header cut short": (pcd_file()[:60], "DATA line is missing: the file ends inside the header"),
    "a cut DATA line": (pcd_file(b"")[:-4], "DATA line is missing"),
    "a keyword twice": (b"WIDTH 3\n" + pcd_file(), "more than one WIDTH line"),
    "no FIELDS": (pcd_file(FIELDS=None), "no FIELDS line"),
    "empty FIELDS": (pcd_file(FIELDS=""), "FIELDS line names no field"),
    "no SIZE": (pcd_file(SIZE=None), "no SIZE line"),
    "no TYPE": (pcd_file(TYPE=None), "no TYPE line"),
    "a short SIZE": (pcd_file(SIZE="4 4 4"), "SIZE has 3 entries for 4 fields"),
    "a long COUNT": (pcd_file(COUNT="1 1 1 1 1"), "COUNT has 5 entries for 4 fields"),
    "an unknown TYPE": (pcd_file(TYPE="F F F Q"), r"TYPE 'Q' is unknown \(field intensity\)"),
    "an impossible SIZE": (pcd_file(SIZE="4 4 4 3"), r"TYPE F can not have SIZE 3 \(field intensity\)"),
    "a half float": (pcd_file(SIZE="4 4 4 2"), "TYPE F can not have SIZE 2"),
    "SIZE in words": (pcd_file(SIZE="4 4 4 four"), "SIZE 'four' is not a whole number"),
    "negative COUNT": (pcd_file(COUNT="1 1 1 -1"), "COUNT '-1' is not a whole number"),
    "zero COUNT": (pcd_file(COUNT="1 1 1 0"), "COUNT 0 is not within"),
    "a COUNT bomb": (
        pcd_file(COUNT="1 1 1 4000000000"),
        r"COUNT 4000000000 is not within.*\(field intensity\)",
    ),
    "a field twice": (pcd_file(FIELDS="x y z x"), "the field 'x' is declared twice"),
    "no z": (pcd_file(FIELDS="x y height intensity"), "no field 'z': the file holds no positions"),
    "a coordinate of two": (pcd_file(COUNT="2 1 1 1"), r"COUNT is 2 where a coordinate has 1 \(field x\)"),
    "lying POINTS": (pcd_file(POINTS="4"), "POINTS is 4 but WIDTH x HEIGHT is 3 x 1 = 3"),
    "lying HEIGHT": (pcd_file(HEIGHT="2"), "POINTS is 3 but WIDTH x HEIGHT is 3 x 2 = 6"),
    "no extent": (pcd_file(POINTS=None, WIDTH=None), "neither POINTS nor WIDTH"),
    "WIDTH of letters": (pcd_file(WIDTH="three"), "WIDTH 'three' is not a whole number"),
    "WIDTH of 30 digits": (pcd_file(WIDTH="1" * 30), "WIDTH '1+' is not a whole number"),
    "a short VIEWPOINT": (pcd_file(VIEWPOINT="0 0 0"), "VIEWPOINT is not seven finite numbers"),
    "a NaN VIEWPOINT": (pcd_file(VIEWPOINT="0 0 0 nan 0 0 0"), "VIEWPOINT is not seven finite numbers"),
    "unknown DATA": (pcd_file(DATA="base64"), "DATA 'base64' is unknown"),
    "too many points": (pcd_file(WIDTH="900000000", POINTS="900000000"), "900000000 points exceed the limit"),
    "too many fields": (
        pcd_file(FIELDS=" ".join(f"f{number}" for number in range(300))),
        "300 fields exceed the limit of 256",
    ),
    "zero points": (pcd_file(b"", WIDTH="0", POINTS="0"), "no points: the header declares 0"),
}
BODIES = {
    "a truncated binary": (
        pcd_file(THREE_POINTS[:-1]),
        "3 points of 16 bytes need 48 bytes, the file has 47",
    ),
    "a binary of a lying header": (pcd_file(**HUGE), "the file has 48"),
    "bytes after a binary": (pcd_file(THREE_POINTS + b"\0\1"), "2 bytes follow the declared points"),
    "a record too many": (pcd_file(THREE_POINTS + THREE_POINTS[:16]), "16 bytes follow"),
    "ascii of a lying header": (ascii_file(**HUGE), "can not fit into 27 bytes"),
    "ascii without rows": (ascii_file(b" " * 40), "0 rows, the header declares 3"),
    "a row missing": (
        ascii_file(b"1.25 2.5 3.5 4.5\n5.25 6.5 7.5 8.5\n"),
        "2 rows, the header declares 3",
    ),
    "a row too many": (ascii_file(THREE_ROWS + b"1 2 3 4\n"), "4 rows, the header declares 3"),
    "a short row": (
        ascii_file(b"1 2 3 4\n5 6 7\n9 10 11 12 \n"),
        "row 2 has 3 numbers where the fields need 4",
    ),
    "a long row": (ascii_file(b"1 2 3 4\n5 6 7 8 9\n9 10 11 12\n"), "row 2 has 5 numbers"),
    "a word in a row": (
        ascii_file(b"1 2 3 4\n5 6 seven 8\n9 1 1 2\n"),
        r"row 2 has 'seven'.*float32 \(field z\)",
    ),
    "a decimal comma": (ascii_file(b"1,5 2 3 4\n5 6 7 8\n9 1 1 2\n"), r"row 1 has '1,5'.*\(field x\)"),
    "a last row cut between numbers": (ascii_file(THREE_ROWS[:-4]), "row 3 has 3 numbers"),
    "a last row cut in a number": (
        ascii_file(b"1 2 3 0.25\n5 6 7 0.75\n9 10 11 0."),
        r"the last row ends in '0.' without a line end, as if cut \(field intensity\)",
    ),
    "an overflowing integer": (
        ascii_file(b"1 2 3 4\n5 6 7 300\n9 1 1 2\n", SIZE="4 4 4 1", TYPE="F F F U"),
        r"row 2 has '300', which is not a uint8 \(field intensity\)",
    ),
    "all NaN": (pcd_file(np.full(12, np.nan, "<f4").tobytes()), "no point has a finite position"),
    "all infinite x": (ascii_file(b"inf 1 1 1\n-inf 1 1 1\nnan 1 1 1\n"), "no point has a finite position"),
    "no compressed sizes": (pcd_file(b"1234", DATA="binary_compressed"), "ends before the sizes"),
    "a lying uncompressed size": (
        compressed_file(declared=4_000_000_000),
        "uncompressed size is 4000000000, but 3",
    ),
    "a compressed size beyond the file": (
        compressed_file(compressed=999),
        "compressed size is 999, the file has",
    ),
    "an impossible expansion": (
        pcd_file(
            struct.pack("<II", 4, 16 * 10**6) + b"abcd",
            **{**HUGE, "WIDTH": "1000000", "POINTS": "1000000"},
            DATA="binary_compressed",
        ),
        "4 compressed bytes can not expand to 16000000",
    ),
    "LZF that yields less": (
        compressed_file(lzf_encode(FIELD_MAJOR[:40])),
        "holds 40 bytes, declared are 48",
    ),
    "LZF that yields more": (compressed_file(lzf_encode(FIELD_MAJOR * 2)), "compressed data is damaged"),
    "damaged LZF": (compressed_file(b"\xff" * 60), "compressed data is damaged"),
    "bytes after LZF": (compressed_file(tail=b"more"), "4 bytes follow the declared points"),
}
BAD_FILES = HEADERS | BODIES


@pytest.mark.parametrize(("data", "reason"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused_with_file_reason_and_remedy(data: bytes, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        pcd.read(data, name="000042.pcd")
    assert str(caught.value).startswith("000042.pcd: ")
    assert str(caught.value).endswith(caught.value.remedy)
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize("data", [pcd_file(**HUGE), ascii_file(**HUGE), compressed_file(declared=2**32 - 1)])
def test_a_lying_header_allocates_nothing(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CloudError):
            pcd.read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_the_byte_limit_counts_padding_and_elements() -> None:
    data = pcd_file(FIELDS="x y z _", COUNT="1 1 1 100")
    with pytest.raises(CloudError, match="1236 bytes of points exceed the limit of 1000"):
        pcd.read(data, limits=Limits(max_bytes=1000))


def test_the_sum_of_all_counts_is_limited_too() -> None:
    names = " ".join(f"f{number}" for number in range(100))
    data = pcd_file(
        FIELDS=f"x y z {names}", SIZE="1 " * 103, TYPE="U " * 103, COUNT="1 1 1 " + "60000 " * 100,
        WIDTH="1", POINTS="1",
    )  # fmt: skip
    with pytest.raises(CloudError, match="COUNT adds up to 6000003 numbers per point"):
        pcd.read_header(data)


def test_zero_points_are_still_a_readable_header() -> None:
    assert pcd.read_header(pcd_file(b"", WIDTH="0", HEIGHT="0", POINTS="0")).points == 0


def test_one_finite_point_at_the_very_end_is_enough() -> None:
    values = np.full((5000, 4), np.nan, "<f4")
    values[-1] = 1
    cloud = pcd.read(pcd_file(values.tobytes(), WIDTH="5000", POINTS="5000"))
    assert int(np.count_nonzero(cloud.finite())) == 1


def test_the_error_survives_a_task_queue() -> None:
    with pytest.raises(CloudError) as caught:
        pcd.read(pcd_file(TYPE="F F F Q"), name="7.pcd")
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - made here
    assert (str(copy), copy.file, copy.field) == (str(caught.value), "7.pcd", "intensity")


def test_an_unknown_field_of_a_cloud_is_named_with_those_there_are() -> None:
    with pytest.raises(CloudError, match=r"no field 'ring'.*Use one of: x, y, z, intensity"):
        pcd.read(pcd_file()).field("ring")
