"""The audit: who changed what on all objects, when, through which door and why; filtered, compared, as CSV."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from lamm.addresses import addressed, without_blanks
from lamm.audit_rows import AuditFilter, AuditRow, Key, audited_models, find
from lamm.history_words import DOORS
from scenes.exporting import CONTENT_TYPES, CSV, csv_lines

ROWS = 50
EXPORT_ROWS = 1000
# A search for rare words may have to read all there is; then it says so instead of keeping the database busy.
MOST_MILLISECONDS = 5000
NOBODY = "-"
LISTING_PARAMETERS = frozenset({"before", "after"})
HEADER = ["time", "person", "kind", "object", "object_id", "what", "changes", "reason", "door", "request_id", "bulk"]


@require_safe
@permission_required("scenes.view_audit", raise_exception=True)
def audit(request: HttpRequest) -> HttpResponse:
    parameters = without_blanks(request.GET)
    wanted, problems = _wanted(parameters)
    rows: list[AuditRow] = []
    newer = older = None
    try:
        rows, newer, older = _page(wanted, _key(parameters, "before"), _key(parameters, "after"))
    except OperationalError:
        problems.append("This search takes too long over so much history. Narrow it by date, person or kind.")
    context = {
        "rows": rows,
        "newer": newer,
        "older": older,
        "parameters": parameters,
        "filters": parameters.dict(),
        "filtered": bool(set(parameters) - LISTING_PARAMETERS),
        "problems": problems,
        "kinds": [(model._meta.model_name, str(model._meta.verbose_name)) for model in audited_models()],
        "doors": DOORS.items(),
        "people": list(User.objects.order_by("username").values_list("username", flat=True)[:300]),
        "nobody": NOBODY,
    }
    template = "parts/_audit.html" if request.htmx else "pages/audit.html"  # type: ignore[attr-defined]
    return addressed(request, render(request, template, context), parameters)


@require_safe
@permission_required("scenes.view_audit", raise_exception=True)
def audit_csv(request: HttpRequest) -> StreamingHttpResponse | HttpResponse:
    """All that the filters find, streamed a thousand rows at a time; wrong filters are refused."""
    wanted, problems = _wanted(without_blanks(request.GET))
    if problems:
        return render(request, "error.html", {"status": 400, "words": " ".join(problems)}, status=400)
    lines = csv_lines(HEADER, (_cells(row) for row in _all(wanted)))
    answer = StreamingHttpResponse(lines, content_type=CONTENT_TYPES[CSV])
    answer["Content-Disposition"] = f'attachment; filename="audit-{timezone.now():%Y%m%d-%H%M%S}.csv"'
    return answer


def _page(wanted: AuditFilter, before: Key | None, after: Key | None) -> tuple[list[AuditRow], str | None, str | None]:
    """The rows, and the keys that the pages before and after them start from."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {MOST_MILLISECONDS}")
        rows = find(wanted, rows=ROWS + 1, before=before, after=after)
        cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    more = len(rows) > ROWS
    if after:
        rows = rows[1:] if more else rows
        return rows, _text(rows[0].key) if rows and more else None, _text(rows[-1].key) if rows else None
    rows = rows[:ROWS]
    newer = _text(rows[0].key) if rows and before else None
    return rows, newer, _text(rows[-1].key) if rows and more else None


def _all(wanted: AuditFilter) -> Iterator[AuditRow]:
    before: Key | None = None
    while rows := find(wanted, rows=EXPORT_ROWS, before=before):
        yield from rows
        before = rows[-1].key


def _cells(row: AuditRow) -> list[Any]:
    told = "; ".join(f"{change.label}: {change.before} -> {change.after}" for change in row.changes)
    facts = [row.when, row.person, row.kind, row.object_name, row.object_id, row.what, told]
    return [*facts, row.reason, row.door, row.request_id, row.bulk]


def _wanted(parameters: QueryDict) -> tuple[AuditFilter, list[str]]:
    """The filter, and what is wrong with a value of it in words; a wrong one is not applied."""
    given = {name: parameters.get(name, "") for name in parameters}
    problems: list[str] = []
    name = given.get("person", "")
    person = User.objects.filter(username=name).first() if name and name != NOBODY else None
    if name and name != NOBODY and person is None:
        problems.append(f"There is nobody called “{name}”.")
    known = {model._meta.model_name for model in audited_models()}
    kind, door, bulk = given.get("kind", ""), given.get("door", ""), given.get("bulk", "")
    if kind and kind not in known:
        problems.append(f"There is no kind of object called “{kind}”.")
    if door and door not in DOORS:
        problems.append(f"There is no door called “{door}”.")
    number = int(bulk) if bulk.isascii() and bulk.isdigit() and len(bulk) < 19 else None
    if bulk and number is None:
        problems.append(f"“{bulk}” is not the number of a bulk change.")
    days = {name: _day(given.get(name, "")) for name in ("since", "until")}
    problems += [f"“{given[name]}” is not a date." for name, day in days.items() if given.get(name) and day is None]
    return AuditFilter(
        kind=kind if kind in known else "",
        person=person,
        nobody=name == NOBODY,
        door=door if door in DOORS else "",
        since=days["since"],
        until=days["until"] + timedelta(days=1) if days["until"] else None,
        about=given.get("about", "")[:200],
        reason=given.get("reason", "")[:200],
        bulk=number,
    ), problems


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), timezone.get_current_timezone())
    except (ValueError, OverflowError):
        return None


def _text(key: Key) -> str:
    return "-".join(map(str, key))


def _key(parameters: QueryDict, name: str) -> Key | None:
    parts = parameters.get(name, "").split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 17 for part in parts):
        return None
    when, place, row = map(int, parts)
    latest = (datetime.max.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return (when, place, row) if when < latest else None
