"""ROS 2 recordings in MCAP: each PointCloud2 message is a frame; damage is refused with what is known."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import lz4.frame
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import CompressionType
from mcap_ros2.decoder import DecoderFactory

from scenes.clouds import mcap
from scenes.clouds.cloud import CloudError, Limits, PointCloud
from scenes.tests.clouds.allocation import at_most
from scenes.tests.clouds.mcap_samples import Recording, message, points_of

COMPRESSIONS = list(CompressionType)


def stamped(nanoseconds: int, seed: int = 0, n: int = 5) -> SimpleNamespace:
    header = SimpleNamespace(stamp=SimpleNamespace(sec=0, nanosec=nanoseconds), frame_id="lidar")
    return message(points_of(n, seed), header=header)


def drive(compression: CompressionType = CompressionType.ZSTD, frames: int = 5) -> bytes:
    recording = Recording(compression=compression, chunk_size=1000)
    for place in range(frames):
        recording.add("/log", f"line {place}", place)
        recording.add("/lidar", stamped(100 + place, seed=place, n=20), 200 + place)
    return recording.file()


def points_in(frames: Iterator[mcap.Frame]) -> list[np.ndarray]:
    return [frame.cloud.points for frame in frames if isinstance(frame.cloud, PointCloud)]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("from_path", [False, True])
def test_each_message_of_the_only_cloud_topic_is_a_frame(
    compression: CompressionType, from_path: bool, tmp_path: Path
) -> None:
    path = tmp_path / "поездка.mcap"
    path.write_bytes(drive(compression))
    frames = list(mcap.frames(path if from_path else path.read_bytes()))
    assert [frame.timestamp_ns for frame in frames] == [100, 101, 102, 103, 104]
    assert [frame.log_time_ns for frame in frames] == [200, 201, 202, 203, 204]
    assert {(frame.topic, frame.frame_id, frame.is_dense) for frame in frames} == {("/lidar", "lidar", True)}
    for seed, points in enumerate(points_in(iter(frames))):
        np.testing.assert_array_equal(points, points_of(20, seed))


def test_the_frames_are_those_a_peer_library_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    path.write_bytes(drive())
    ours = [(frame.log_time_ns, frame.cloud) for frame in mcap.frames(path)]
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        peer = [(each[2].log_time, each[3]) for each in reader.iter_decoded_messages(topics="/lidar")]
    assert [time for time, _ in ours] == [time for time, _ in peer]
    for (_, cloud), (_, content) in zip(ours, peer, strict=True):
        assert isinstance(cloud, PointCloud)
        assert cloud.points.tobytes() == bytes(content.data)


def test_topics_are_listed_with_their_types_and_numbers() -> None:
    assert mcap.topics(drive()) == (
        mcap.Topic("/log", "std_msgs/msg/String", "cdr", 5),
        mcap.Topic("/lidar", "sensor_msgs/msg/PointCloud2", "cdr", 5),
    )


def test_a_stamp_of_0_gives_way_to_the_log_time() -> None:
    (frame,) = mcap.frames(Recording().add("/lidar", stamped(0), 77).file())
    assert (frame.timestamp_ns, frame.log_time_ns) == (77, 77)


def test_of_several_cloud_topics_one_must_be_declared() -> None:
    file = Recording().add("/front", stamped(1)).add("/rear", stamped(2)).add("/log", "x").file()
    with pytest.raises(CloudError, match=r"several topics hold point clouds.*Declare one.*/front, /rear") as caught:
        mcap.frames(file, name="two.mcap")
    assert caught.value.file == "two.mcap"
    assert [frame.timestamp_ns for frame in mcap.frames(file, topic="/rear")] == [2]


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("/nothing", r"there is no topic '/nothing'.*Topics with point clouds: /lidar\."),
        ("/log", r"topic '/log' holds std_msgs/msg/String in cdr.*/lidar"),
    ],
)
def test_a_topic_that_can_not_be_is_refused(topic: str, reason: str) -> None:
    with pytest.raises(CloudError, match=reason):
        mcap.frames(drive(), topic=topic)


def test_a_recording_without_clouds_is_refused_with_what_it_has() -> None:
    with pytest.raises(CloudError, match=r"no topic holds .*there are: /log \(std_msgs/msg/String\)"):
        mcap.frames(Recording().add("/log", "x").file())


def test_a_bad_message_is_a_bad_frame_and_the_others_are_read() -> None:
    recording = Recording().add("/lidar", stamped(1))
    recording.add("/lidar", message(width=9)).add("/lidar", stamped(3))
    good, bad, last = mcap.frames(recording.file(), name="b.mcap")
    assert isinstance(bad.cloud, CloudError)
    assert "the data has 80" in str(bad.cloud)
    assert bad.cloud.file == "b.mcap"
    assert bad.timestamp_ns == 1_700_000_000_000_000_005
    assert isinstance(good.cloud, PointCloud)
    assert isinstance(last.cloud, PointCloud)


def test_the_registry_reads_a_recording_of_one_cloud() -> None:
    one = Recording().add("/lidar", stamped(1)).file()
    assert len(mcap.McapFormat().read(one, name="a.mcap", limits=Limits())) == 5
    with pytest.raises(CloudError, match=r"more than one point cloud.*Ingest it as a sequence"):
        mcap.McapFormat().read(drive(), name="a.mcap", limits=Limits())
    bad = Recording().add("/lidar", message(width=9)).file()
    with pytest.raises(CloudError, match="the data has 80"):
        mcap.McapFormat().read(bad, name="a.mcap", limits=Limits())


@pytest.mark.parametrize("file", [b"", b"\x89MCAP1\r\n" + bytes(100), b"\x89PNG", b"x" * 1000])
def test_another_kind_of_file_is_refused(file: bytes) -> None:
    with pytest.raises(CloudError, match="does not begin as MCAP does"):
        mcap.frames(file, name="a.mcap")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_cut_file_gives_the_frames_before_the_cut_and_then_the_reason(compression: CompressionType) -> None:
    whole = drive(compression)
    frames = mcap.frames(whole[: len(whole) // 2], name="cut.mcap")
    read: list[mcap.Frame] = []
    with pytest.raises(CloudError, match=r"the file (ends|is damaged).* after \d+ records.*mcap recover") as caught:
        read.extend(_kept(frames, read))
    assert 0 < len(read) < 5
    assert all(isinstance(frame.cloud, PointCloud) for frame in read)
    assert caught.value.file == "cut.mcap"


def _kept(frames: Iterator[mcap.Frame], kept: list[mcap.Frame]) -> Iterator[mcap.Frame]:
    """Put each frame into `kept` as it comes, so that they are there when the iterator raises."""
    for frame in frames:
        kept.append(frame)
    yield from ()


def chunk_places(file: bytes) -> tuple[int, int]:
    """Where the uncompressed size and the data of the first chunk stand."""
    place = 8
    while file[place] != 0x06:
        place += 9 + struct.unpack_from("<Q", file, place + 1)[0]
    size = place + 9 + 16
    name = struct.unpack_from("<I", file, size + 12)[0]
    return size, size + 16 + name + 8


def without_data_checksum(file: bytes) -> bytes:
    """The file with the checksum of its data section left out, so that other checks are reached."""
    place = 8
    while file[place] != 0x0F:
        place += 9 + struct.unpack_from("<Q", file, place + 1)[0]
    return file[: place + 9] + bytes(4) + file[place + 13 :]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("declared", [0, 1, 500, 2**29, 2**40, 2**64 - 1])
def test_a_chunk_that_lies_about_its_size_is_refused_unallocated(compression: CompressionType, declared: int) -> None:
    file = drive(compression)
    place = chunk_places(file)[0]
    lying = file[:place] + struct.pack("<Q", declared) + file[place + 8 :]
    with at_most(20_000_000), pytest.raises(CloudError, match=r"a chunk (declares|holds|is damaged)"):
        list(mcap.frames(lying, topic="/lidar"))


@pytest.mark.parametrize("library", [zstandard.ZstdCompressor().compress, lz4.frame.compress])
def test_a_compressed_bomb_is_refused_unallocated(library: object) -> None:
    name = "zstd" if library is not lz4.frame.compress else "lz4"
    bomb = library(bytes(200_000_000))  # type: ignore[operator]
    chunk = SimpleNamespace(compression=name, data=bomb, uncompressed_size=1000)
    with at_most(1_000_000), pytest.raises(CloudError, match=r"a chunk (holds|is damaged)"):
        mcap._decompressed(chunk, Limits())  # type: ignore[arg-type]


def test_a_flipped_bit_is_found_by_the_checksum() -> None:
    file = bytearray(drive(CompressionType.NONE))
    place = chunk_places(bytes(file))[1] + 200
    file[place] ^= 1
    with pytest.raises(CloudError, match="crc validation failed"):
        list(mcap.frames(bytes(file)))


def test_an_unknown_compression_is_named() -> None:
    file = drive().replace(b"zstd", b"zzzz")
    with pytest.raises(CloudError, match="compression 'zzzz' is unknown"):
        list(mcap.frames(file, topic="/lidar"))


@pytest.mark.parametrize("length", [2**63, 2**40, 2**33])
def test_a_record_that_lies_about_its_length_is_refused_unallocated(length: int) -> None:
    file = drive()
    lying = file[:9] + struct.pack("<Q", length) + file[17:]
    with at_most(20_000_000), pytest.raises(CloudError, match="HEADER record has length"):
        list(mcap.frames(lying))


def test_a_lost_summary_changes_nothing() -> None:
    file = drive()
    place = len(file) - 8 - 20
    assert len(list(mcap.frames(file[:place] + bytes(8) + file[place + 8 :]))) == 5


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_is_frames_or_a_named_error(data: st.DataObject) -> None:
    file = drive(data.draw(st.sampled_from(COMPRESSIONS)), frames=2)
    damaged = bytearray(without_data_checksum(file))
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CloudError):
        list(mcap.frames(bytes(damaged)))
    with contextlib.suppress(CloudError):
        mcap.topics(bytes(damaged))


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=6),
    compression=st.sampled_from(COMPRESSIONS),
    chunk_size=st.sampled_from([1, 500, 100_000]),
)
def test_round_trip(sizes: list[int], compression: CompressionType, chunk_size: int) -> None:
    recording = Recording(compression=compression, chunk_size=chunk_size)
    for place, size in enumerate(sizes):
        recording.add("/lidar", stamped(place + 1, seed=place, n=size), place)
    for place, points in enumerate(points_in(mcap.frames(recording.file()))):
        np.testing.assert_array_equal(points, points_of(sizes[place], place))
