"""GPX tracks (GPX 1.0 and 1.1 schema, topografix.com), read without trust in the XML.

The parser is expat with document type declarations forbidden: without them no entity can be declared, so that
neither entity bombs nor outside entities exist. The text is fed through; no tree is built.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from xml.parsers import expat

from scenes.clouds.cloud import CloudError, naming
from scenes.clouds.text_numbers import number

EXPORT = "Export the track again as GPX 1.1."
# Points of a track as it was driven; a route, which was planned, only where there is no track.
POINTS = ("trkpt", "rtept")
MOST_TEXT = 64
# 6 January 1980 in seconds since 1970: GPS has no earlier time, a receiver that gives one has no clock.
GPS_EPOCH = 315_964_800


class TrackPoint(NamedTuple):
    """One point: degrees (WGS 84), metres above the sea and seconds since 1970 (UTC).

    Height and time are None where they are not given, the time also where it is from before GPS began.
    """

    latitude: float
    longitude: float
    altitude: float | None
    time: float | None


def read_gpx(data: bytes | memoryview, *, name: str = "track.gpx") -> list[TrackPoint]:
    """The points of all tracks of a GPX file in file order, or those of its routes when it has no track.

    Degrees out of range are kept: `position_problem` says so. Raises CloudError, with `name` as its file and
    naming the line, when the text is no XML or no GPX, declares a document type, or holds a bad number.
    """
    with naming(name):
        reader = _Reader()
        try:
            reader.parser.Parse(bytes(data), True)
        except expat.ExpatError as error:
            raise CloudError(f"line {error.lineno} is not XML: {expat.ErrorString(error.code)}", EXPORT) from error
        except (ValueError, LookupError) as error:
            if isinstance(error, CloudError):
                raise
            raise CloudError(f"the text is not XML: {error}", EXPORT) from error
        for kind in POINTS:
            if reader.points[kind]:
                return reader.points[kind]
        raise CloudError("the file holds no track point", "Record a track, or leave the file out.")


class _Reader:
    """Gathers points from the events of the parser."""

    def __init__(self) -> None:
        self.points: dict[str, list[TrackPoint]] = {kind: [] for kind in POINTS}
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self._depth = 0
        self._point_depth = 0
        self._place = (0.0, 0.0)
        self._children: dict[str, str] = {}
        self._child = ""

    def _doctype(self, *_: object) -> None:
        raise self._error("declares a document type", "Remove the DOCTYPE: GPX has none.")

    def _error(self, what: str, remedy: str, field: str = "") -> CloudError:
        return CloudError(f"line {self.parser.CurrentLineNumber} {what}", remedy, field)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rsplit(" ", 1)[-1]
        self._depth += 1
        if self._depth == 1 and kind != "gpx":
            raise self._error(f"begins {kind[:40]!r}, not gpx: not a GPX file", EXPORT)
        if kind in POINTS and not self._point_depth:
            self._point_depth = self._depth
            self._place = (self._degrees(attributes, "lat"), self._degrees(attributes, "lon"))
            self._children = {}
        # Only direct children: extensions of other programs may use the same names inside.
        is_child = self._point_depth and self._depth == self._point_depth + 1 and kind in ("ele", "time")
        self._child = kind if is_child else ""

    def _degrees(self, attributes: dict[str, str], field: str) -> float:
        value = number(attributes.get(field, ""))
        if value is None:
            shown = attributes.get(field, "")[:40]
            raise self._error(f"has no number as {field}: {shown!r}", "Correct the point.", field)
        return value

    def _characters(self, text: str) -> None:
        if self._child:
            self._children[self._child] = (self._children.get(self._child, "") + text)[:MOST_TEXT]

    def _end(self, name: str) -> None:
        self._child = ""
        if self._depth == self._point_depth:
            self._point_depth = 0
            point = TrackPoint(*self._place, self._altitude(), self._time())
            self.points[name.rsplit(" ", 1)[-1]].append(point)
        self._depth -= 1

    def _altitude(self) -> float | None:
        text = self._children.get("ele", "").strip()
        if not text:
            return None
        value = number(text)
        if value is None:
            raise self._error(f"ends a point with the elevation {text[:40]!r}", "Correct the point.", "ele")
        return value

    def _time(self) -> float | None:
        text = self._children.get("time", "").strip()
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            remedy = "Write it as 2010-08-07T13:14:15Z."
            raise self._error(f"ends a point with the time {text[:40]!r}", remedy, "time") from None
        time = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        return time if time >= GPS_EPOCH else None
