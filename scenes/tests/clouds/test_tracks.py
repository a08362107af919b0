"""GPX, oxts and gps.csv become tracks with length, start, end and duration; hostile XML is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.clouds.cloud import CloudError
from scenes.clouds.gpx import TrackPoint, read_gpx
from scenes.clouds.positions import Position, read_oxts
from scenes.clouds.tracks import track_length, track_of_points, track_of_positions
from scenes.tests.clouds.samples import outcome, shared_file

DEGREE = 111_195.0797
POINT = '<trkpt lat="49.01" lon="8.43"><ele>115.5</ele><time>2010-08-07T13:14:15Z</time></trkpt>'
OXTS = " ".join(["49.015", "8.434", "112.8", *["0.01"] * 22, "4", "10", "4", "4", "0"])


def gpx(inside: str = POINT, kind: str = "trk") -> bytes:
    """A GPX file with one track or route."""
    start, end = ("<trk><trkseg>", "</trkseg></trk>") if kind == "trk" else ("<rte>", "</rte>")
    return (
        f'<?xml version="1.0"?>\n<gpx xmlns="http://www.topografix.com/GPX/1/1">\n{start}\n{inside}\n{end}\n</gpx>'
    ).encode()


coordinates = st.tuples(st.floats(-89, 89), st.floats(-180, 180))


@given(st.lists(coordinates, min_size=1, max_size=9))
def test_gpx_points_read_back_as_written(places: list[tuple[float, float]]) -> None:
    inside = "\n".join(f'<trkpt lat="{lat!r}" lon="{lon!r}"/>' for lat, lon in places)
    assert read_gpx(gpx(inside)) == [TrackPoint(lat, lon, None, None) for lat, lon in places]


def test_height_and_time_are_read_and_extensions_left_alone() -> None:
    inside = POINT.replace("</ele>", "</ele><extensions><time>tea</time><a><trkpt/></a></extensions>")
    assert read_gpx(gpx(inside)) == [TrackPoint(49.01, 8.43, 115.5, 1281186855.0)]


def test_the_time_of_a_receiver_without_a_clock_counts_as_missing() -> None:
    (point,) = read_gpx(gpx(POINT.replace("2010-08", "1901-12")))
    assert (point.time, point.altitude) == (None, 115.5)


def test_a_route_counts_where_there_is_no_track() -> None:
    assert len(read_gpx(gpx('<rtept lat="1" lon="2"/><rtept lat="1" lon="3"/>', "rte"))) == 2


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>
<gpx><trk><name>&c;</name></trk></gpx>"""


@pytest.mark.parametrize(
    ("data", "reason", "field"),
    [
        (b"", "line 1 is not XML: no element found", ""),
        (BOMB, "line 2 declares a document type", ""),
        (b'<!DOCTYPE gpx SYSTEM "file:///etc/passwd"><gpx/>', "line 1 declares a document type", ""),
        (gpx()[:-4], "is not XML", ""),
        (gpx("&bomb;"), "line 4 is not XML: undefined entity", ""),
        (b"<kml/>", "line 1 begins 'kml', not gpx", ""),
        (b'<?xml version="1.0" encoding="klingon"?><gpx/>', "is not XML", ""),
        (gpx(""), "the file holds no track point", ""),
        (gpx('<trkpt lat="49"/>'), "line 4 has no number as lon: ''", "lon"),
        (gpx('<trkpt lat="north" lon="8"/>'), "line 4 has no number as lat: 'north'", "lat"),
        (gpx(POINT.replace("115.5", "high")), "line 4 ends a point with the elevation 'high'", "ele"),
        (gpx(POINT.replace("2010-08-07T", "")), "line 4 ends a point with the time '13:14:15Z'", "time"),
    ],
)
def test_bad_gpx_is_refused_by_line_and_field(data: bytes, reason: str, field: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        read_gpx(data, name="way.gpx")
    assert (caught.value.file, caught.value.field) == ("way.gpx", field)


@given(st.data())
def test_a_damaged_gpx_is_read_or_refused(data: st.DataObject) -> None:
    file = bytearray(gpx(POINT * 2))
    for _ in range(data.draw(st.integers(1, 6))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    result = outcome(lambda: read_gpx(bytes(file), name="a"))
    assert result.file == "a" if isinstance(result, CloudError) else len(result) in (1, 2)


GPX_FOLDER = "tkrajina__gpxpy/test_files"
REAL_GPX = {
    f"{GPX_FOLDER}/Mojstrovka.gpx": 184,
    f"{GPX_FOLDER}/around-visnjan-with-car.gpx": 104,
    f"{GPX_FOLDER}/cerknicko-jezero-no-creator.gpx": 303,
    f"{GPX_FOLDER}/cerknicko-jezero-with-elevations-zero.gpx": 303,
    f"{GPX_FOLDER}/cerknicko-jezero-without-elevations.gpx": 303,
    f"{GPX_FOLDER}/cerknicko-jezero.gpx": 303,
    f"{GPX_FOLDER}/cerknicko-without-times.gpx": 303,
    "visgl__loaders.gl/modules/kml/test/data/gpx/trek.gpx": 120,
}


@pytest.mark.parametrize("path", REAL_GPX)
def test_real_gpx_files_have_the_points_of_the_manifest(path: str) -> None:
    data = shared_file(path)
    # The manifest counts way points, too, which are places beside the track.
    way_points = len(re.findall(rb"<wpt\b", data))
    points = read_gpx(data, name=path)
    assert len(points) + way_points == REAL_GPX[path]
    track = track_of_points(points)
    assert (len(track), track.problems) == (len(points), {})
    assert 100 < track_length(track) < 100_000


def test_a_real_gpx_without_points_is_refused() -> None:
    with pytest.raises(CloudError, match="holds no track point"):
        read_gpx(shared_file(f"{GPX_FOLDER}/custom_schema_locations.gpx"))


def test_a_real_drive_by_car_has_its_duration() -> None:
    with_times = track_of_points(read_gpx(shared_file(f"{GPX_FOLDER}/cerknicko-jezero.gpx")))
    without = track_of_points(read_gpx(shared_file(f"{GPX_FOLDER}/cerknicko-without-times.gpx")))
    assert with_times.duration is not None
    assert with_times.duration > 600
    assert without.duration is None
    assert track_length(without) == pytest.approx(track_length(with_times))


def test_oxts_files_are_positions_by_frame() -> None:
    files = [("0000000000.txt", OXTS), ("0000000001.txt", OXTS.replace("49.015", "49.016") + "\r\n")]
    assert read_oxts(files) == [
        Position(0, None, 49.015, 8.434, 112.8),
        Position(1, None, 49.016, 8.434, 112.8),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file has 0 lines, not 1"),
        (f"{OXTS}\n{OXTS}", "the file has 2 lines, not 1"),
        ("49 8 112", "line 1 has 3 numbers, not 30"),
        (OXTS.replace("112.8", "nan"), "line 1 holds 'nan', which is not a finite number"),
    ],
)
def test_a_bad_oxts_file_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        read_oxts([("0000000000.txt", OXTS), ("0000000001.txt", text)])
    assert caught.value.file == "0000000001.txt"


def test_a_track_has_length_start_end_and_duration() -> None:
    places = [(0.0, 10.0), (1.0, 10.0), (1.0, 10.0), (0.0, 11.0)]
    track = track_of_positions(Position(None, 2.0 * i, *place, None) for i, place in enumerate(places))
    assert (track.start, track.end, track.duration) == ((0.0, 10.0), (0.0, 11.0), 6.0)
    assert track_length(track) == pytest.approx(DEGREE * (1 + np.sqrt(2)), rel=1e-4)
    assert np.isnan(track.altitudes).all()


def test_a_meridian_from_pole_to_pole_is_half_the_circumference() -> None:
    track = track_of_points([TrackPoint(90, 5, None, None), TrackPoint(-90, 5, None, None)])
    assert track_length(track) == pytest.approx(np.pi * 6_371_008.8)


def test_positions_without_a_fix_are_left_out_with_their_reason() -> None:
    rows = [(np.nan, 8.0), (49.0, 8.0), (0.0, 0.0), (49.0, 190.0), (49.001, 8.0)]
    track = track_of_positions(Position(i, None, *row, 100.0) for i, row in enumerate(rows))
    assert (len(track), track.times, track.duration) == (2, None, None)
    assert sorted(track.problems) == [0, 2, 3]
    assert "without a fix" in track.problems[2]
    assert track_length(track) == pytest.approx(DEGREE / 1000, rel=1e-4)


def test_a_track_without_any_good_position_says_so() -> None:
    track = track_of_positions([Position(0, None, 0, 0, None)])
    assert (track_length(track), track.duration) == (0, None)
    with pytest.raises(CloudError, match="the track has no good position"):
        _ = track.start


def test_positions_by_frame_take_the_times_of_the_frames() -> None:
    positions = [Position(frame, None, 49 + frame, 8, None) for frame in (0, 2)]
    track = track_of_positions(positions, [10.0, 10.1, 10.5])
    assert track.times is not None
    assert track.times.tolist() == [10.0, 10.5]
    with pytest.raises(CloudError, match="a position is of frame 2, there are 2 frames"):
        track_of_positions(positions, [10.0, 10.1])


def test_times_that_go_back_are_refused() -> None:
    with pytest.raises(CloudError, match="position 1 of the good ones is earlier"):
        track_of_points([TrackPoint(1, 1, None, 5.0), TrackPoint(1, 1, None, 4.0)])


def test_positions_between_are_interpolated_across_the_date_line_and_never_beyond() -> None:
    track = track_of_points([TrackPoint(10, 179.5, None, 0.0), TrackPoint(20, -179.5, None, 10.0)])
    latitude, longitude = track.at([-1, 0, 2.5, 7.5, 10, 11])
    np.testing.assert_allclose(latitude, [np.nan, 10, 12.5, 17.5, 20, np.nan])
    np.testing.assert_allclose(longitude, [np.nan, 179.5, 179.75, -179.75, -179.5, np.nan])
    with pytest.raises(CloudError, match="the track has no times"):
        track_of_points([TrackPoint(10, 5, None, None)]).at([0])
