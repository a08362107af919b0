"""How pages write numbers, times and identifiers."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from lamm.templatetags import formatting

SPACE = "\N{NO-BREAK SPACE}"
DASH = formatting.NOTHING


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, DASH),
        (0, "0"),
        (999, "999"),
        (1_000, "1.0K"),
        (1_249, "1.2K"),
        (999_949, "999.9K"),
        (999_950, "1.0M"),
        (15_412_345, "15.4M"),
        (999_950_000, "1.0B"),
        (-1_500, "-1.5K"),
        (5 * 10**18, "5000000.0T"),
    ],
)
def test_counts_are_compact(value, written):
    assert formatting.compact_number(value) == written


@given(st.integers(min_value=0, max_value=999 * 10**12))
def test_a_compact_count_never_shows_four_digits_before_the_point(value):
    assert len(formatting.compact_number(value).rstrip("KMBT").split(".")[0]) <= 3


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, DASH),
        (0, f"0{SPACE}B"),
        (999, f"999{SPACE}B"),
        (1_923_744, f"1.9{SPACE}MB"),
        (999_950, f"1.0{SPACE}MB"),
        (5_200_000_000_000, f"5.2{SPACE}TB"),
        (-2_000, f"-2.0{SPACE}kB"),
    ],
)
def test_sizes_use_decimal_units(value, written):
    assert formatting.byte_size(value) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, DASH),
        (0, "0.0 s"),
        (2.1, "2.1 s"),
        (59.96, "1 min 00 s"),
        (245, "4 min 05 s"),
        (3599.6, "1 h 00 min"),
        (3725, "1 h 02 min"),
        (-3, "-3.0 s"),
    ],
)
def test_durations_carry_over_to_the_next_unit(seconds, written):
    assert formatting.duration(seconds) == written.replace(" ", SPACE)


@pytest.mark.parametrize(
    ("part", "whole", "written"),
    [
        (None, 10, DASH),
        (1, 0, DASH),
        (1, None, DASH),
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (119_977, 119_978, ">99.9 %"),
        (1, 119_978, "<0.1 %"),
        (1, 3, "33.3 %"),
    ],
)
def test_shares_say_all_or_none_only_when_they_mean_it(part, whole, written):
    assert formatting.percent(part, whole) == written.replace(" ", SPACE)


def test_coordinates_are_in_degrees_with_five_decimals():
    assert formatting.coordinates(49.0136, -8.4044) == "49.01360, -8.40440"
    assert formatting.coordinates(None, 8.4) == DASH


def test_the_map_link_marks_the_position():
    assert formatting.map_url(49.5, -8.25).startswith("https://www.openstreetmap.org/?mlat=49.500000&mlon=-8.250000#")


def test_a_digest_is_shortened_and_none_is_a_dash():
    assert formatting.short_digest("cdb1878b94e0408c") == "cdb1878b94"
    assert formatting.short_digest(None) == formatting.short_digest("") == DASH


def test_moments_are_written_in_the_site_zone():
    berlin = timezone(timedelta(hours=2))
    value = datetime(2026, 5, 4, 11, 12, 7, tzinfo=berlin)
    assert formatting.moment(value) == "2026-05-04 09:12:07 UTC"
    assert formatting.minute(datetime(2026, 5, 4, 9, 12, 7, tzinfo=UTC)) == "2026-05-04 09:12"
    assert formatting.moment(None) == formatting.minute(None) == DASH


def test_frame_times_count_from_the_first_frame():
    assert formatting.offset_seconds(1_100_000_000, 1_000_000_000) == "0.100"
    assert formatting.offset_seconds(None, 0) == formatting.offset_seconds(5, None) == DASH


def test_extents_are_the_sides_of_the_box():
    assert formatting.extent([0, -5, -1.5], [10, 5, 0.5]) == f"10.0 × 10.0 × 2.0{SPACE}m"  # noqa: RUF001
    assert formatting.extent(None, None) == DASH


def test_lengths_seconds_and_whole_counts_have_a_dash_for_nothing():
    assert formatting.metres(79.26) == f"79.3{SPACE}m"
    assert formatting.decimal_seconds(1204.46) == "1,204.5"
    assert formatting.grouped(15_412_345) == "15,412,345"
    assert formatting.metres(None) == formatting.decimal_seconds(None) == formatting.grouped(None) == DASH


@pytest.mark.parametrize(
    ("user", "letters"),
    [
        (User(username="curator"), "C"),
        (User(username="x", first_name="Ada", last_name="King Lovelace"), "AL"),
    ],
)
def test_a_person_has_initials(user, letters):
    assert formatting.initials(user) == letters


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, DASH), (0, f"0{SPACE}s"), (11.6, f"12{SPACE}s"), (59.4, f"59{SPACE}s"), (59.6, f"1{SPACE}min"),
     (3_569, f"59{SPACE}min"), (3_590, f"1{SPACE}h{SPACE}00{SPACE}min"), (3_720, f"1{SPACE}h{SPACE}02{SPACE}min")],
)  # fmt: skip
def test_a_wait_is_written_as_one_says_it(seconds, written):
    assert formatting.rough_duration(seconds) == written


@pytest.mark.parametrize(
    ("speed", "written"),
    [(None, DASH), (0.4249, f"0.42{SPACE}frames/s"), (8.31, f"8.3{SPACE}frames/s"), (1_204.4, f"1,204{SPACE}frames/s")],
)
def test_a_speed_has_about_three_digits(speed, written):
    assert formatting.frames_per_second(speed) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, "–"),  # noqa: RUF001
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (47 * 3600, "47 h"),
        (48 * 3600, "2 days"),
        (21 * 86400, "3 weeks"),
    ],
)
def test_how_long_something_has_been_so_takes_one_unit(seconds, written):
    assert formatting.time_span(seconds) == written.replace(" ", "\N{NO-BREAK SPACE}")
