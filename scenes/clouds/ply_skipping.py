"""Where the elements of a PLY file end, found without building what is not wanted."""

from __future__ import annotations

from typing import Any

import numpy as np

from scenes.clouds.cloud import CloudError
from scenes.clouds.ply_header import PlyElement, PlyProperty

COPY_AGAIN = "The file is cut: copy or export it again."
WRONG_LENGTH = "The header or the data is wrong: export the cloud again."
# Rows compared in one step; memory for them stays small whatever the file declares.
MOST_ROWS = 65_536
# Rows of one length, one after the other, after which comparing many at once is faster than one by one.
LEAST_RUN = 64


def skip_binary(body: memoryview, place: int, element: PlyElement, order: str) -> int:
    """Where `element`, which begins at byte `place`, ends. Raises CloudError when the data ends before."""
    if not element.has_lists:
        return _checked_end(body, place + element.count * element.least_bytes, element)
    left, length, alike = element.count, 0, 0
    while left:
        # Meshes are mostly of one kind of face: a run of rows alike is compared in steps that double.
        if alike >= LEAST_RUN:
            row = _row_type(body, place, element, order)
            rows = min(left, alike, MOST_ROWS, max((len(body) - place) // row.itemsize, 1))
            same = _rows_alike(body, place, element, row, rows)
            place = _checked_end(body, place + same * row.itemsize, element)
            left -= same
            alike = alike + same if same == rows else 0
        else:
            end = _row_end(body, place, element, order)
            alike = alike + 1 if end - place == length else 0
            place, length = end, end - place
            left -= 1
    return place


def _row_end(body: memoryview, place: int, element: PlyElement, order: str) -> int:
    """Where the one row at `place` ends."""
    for entry in element.properties:
        start, place = place, _checked_end(body, place + entry.least_bytes, element)
        if entry.count_code is not None:
            length = _list_length(body[start:place], entry, order)
            place = _checked_end(body, place + length * entry.item_bytes, element)
    return place


def _list_length(count: memoryview, entry: PlyProperty, order: str) -> int:
    length = int.from_bytes(count, "big" if order == ">" else "little", signed=(entry.count_code or "").startswith("i"))
    if length < 0:
        raise CloudError(f"a list holds {length} numbers", WRONG_LENGTH, entry.name[:40])
    return length


def _checked_end(body: memoryview, end: int, element: PlyElement) -> int:
    if end > len(body):
        raise CloudError(
            f"the {element.count} of the element {element.name[:40]!r} need at least"
            f" {end - len(body)} bytes more than the file has",
            COPY_AGAIN,
            element.name[:40],
        )
    return end


def _row_type(body: memoryview, place: int, element: PlyElement, order: str) -> np.dtype[Any]:
    """Type of the row at `place`, its lists with the lengths that stand there.

    A list takes two fields, "<number>.count" and "<number>", scalars one.
    """
    fields: list[Any] = []
    for number, entry in enumerate(element.properties):
        if entry.count_code is None:
            fields.append((f"{number}", order + entry.code))
            place = _checked_end(body, place + entry.least_bytes, element)
            continue
        start = place
        place = _checked_end(body, place + entry.least_bytes, element)
        length = _list_length(body[start:place], entry, order)
        place = _checked_end(body, place + length * entry.item_bytes, element)
        fields.append((f"{number}.count", order + entry.count_code))
        # An opaque stretch of bytes: what the list holds is not looked at.
        fields.append((f"{number}", f"V{length * entry.item_bytes}"))
    return np.dtype(fields)


def _rows_alike(body: memoryview, place: int, element: PlyElement, row: np.dtype[Any], rows: int) -> int:
    """How many of the next `rows` rows have lists as long as the first has; at least 1."""
    if rows == 1:
        return 1
    view = np.frombuffer(body[place : place + rows * row.itemsize], row, rows)
    alike = np.ones(rows, bool)
    for number, entry in enumerate(element.properties):
        if entry.is_list:
            counts = view[f"{number}.count"]
            alike &= counts == counts[0]
    return rows if alike.all() else int(alike.argmin())


def skip_lines(text: bytes, place: int, element: PlyElement) -> int:
    """Where the lines of `element`, one each, end. Raises CloudError when there are fewer."""
    if not element.count:
        return place
    # By blocks, so that the list of line ends stays small.
    left, start = element.count, place
    while start < len(text):
        block = text[start : start + 16 * MOST_ROWS]
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
        if len(ends) >= left:
            return start + int(ends[left - 1]) + 1
        left -= len(ends)
        start += len(block)
    if left == 1 and not text.endswith(b"\n") and len(text) > place:
        return len(text)
    raise CloudError(
        f"the data ends {left} rows before the last of the {element.count} of the element {element.name[:40]!r}",
        COPY_AGAIN,
        element.name[:40],
    )
