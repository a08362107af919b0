"""The tracker's list as a file: the shown columns of up to 20,000 runs, written while it is downloaded."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, QueryDict, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from experiments.models import Run
from experiments.run_addresses import filters_of
from experiments.run_conditions import SUMMARIES
from experiments.run_fields import METRIC, PARAMETER
from experiments.run_listing import NEWEST, Matching, RunValues, matching, run_values, runs_by_ids
from experiments.run_orders import Cursor, along, order_of
from experiments.serializers import json_number
from lamm.addresses import without_blanks
from lamm.pages.runs import Look, look
from lamm.run_columns import Column
from lamm.run_list_steps import given_runs
from lamm.run_rows import model_artifacts
from scenes.errors import RefusedError
from scenes.exporting import CONTENT_TYPES, CSV, FORMULA_BEGINNINGS, JSON_LINES, PARQUET

MOST_ROWS, ROWS_AT_ONCE = 20_000, 500
Rows = Iterator[list[dict[str, Any]]]
TEXTS: dict[str, Callable[[Run], Any]] = {
    "id": lambda run: run.pk,
    "status": lambda run: run.status,
    "architecture": lambda run: run.architecture,
    "dataset": lambda run: str(run.dataset_version) if run.dataset_version else None,
    "user": lambda run: run.started_by.get_username(),
    "duration": lambda run: run.duration.total_seconds() if run.duration is not None else None,
    "tags": lambda run: ", ".join(str(tag).replace(" = ", "=") for tag in run.tags.all()),
    "experiment": lambda run: run.experiment.name,
    "notes": lambda run: run.notes,
    "created": lambda run: run.created_at.isoformat(),
    "started": lambda run: run.started_at.isoformat() if run.started_at else None,
    "finished": lambda run: run.finished_at.isoformat() if run.finished_at else None,
    "parent": lambda run: run.parent_id,
    "commit": lambda run: run.commit,
    "host": lambda run: run.host,
    "seed": lambda run: run.seed,
}
WHOLE_NUMBERS = frozenset({"id", "parent", "seed"})


@require_safe
@permission_required("experiments.view_run", raise_exception=True)
def export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """The runs of the page's address in its order, or those of `run` ("7,8"), with the columns that it shows."""
    if form not in _WRITERS:
        raise Http404(f"There is no format {form}.")
    parameters = without_blanks(request.GET)
    chosen = given_runs(parameters.get("run", "")) if parameters.get("run") else None
    parameters.pop("run", None)
    shown = look(request, parameters)
    found = _found(parameters, chosen)
    columns = [column for column in shown.layout.columns if column.name != "trend"]
    pieces = _WRITERS[form](columns, _rows(found, columns, shown))
    response = StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[form])
    name = f"runs-{timezone.localtime():%Y%m%d-%H%M}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _found(parameters: QueryDict, chosen: list[int] | None) -> Matching:
    found, problems = matching(filters_of(parameters))
    if problems:
        raise RefusedError(" ".join(problems))
    if chosen is None:
        return found
    if len(chosen) > MOST_ROWS:
        raise RefusedError(f"{len(chosen):,} runs are chosen, {MOST_ROWS:,} can be exported at once.")
    return Matching(Run.objects.filter(pk__in=chosen), found.count, chosen)


def _rows(found: Matching, columns: list[Column], shown: Look) -> Rows:
    order, descending = order_of(shown.sort.removeprefix("-"), shown.layout.figures), shown.sort.startswith("-")
    if order is None:
        order, descending = order_of("id"), NEWEST.startswith("-")
    assert order is not None
    start: Cursor | None = None
    written = 0
    while written < MOST_ROWS:
        most = min(ROWS_AT_ONCE, MOST_ROWS - written)
        places = along(found.among, order, descending=descending, rows=most, start=start)
        if not places:
            return
        ids = [place.run for place in places]
        values = run_values(ids, shown.layout.fields)
        models = model_artifacts(ids) if shown.layout.shows("model") else {}
        yield [{column.name: _value(run, column, values, models) for column in columns} for run in runs_by_ids(ids)]
        start, written = places[-1], written + len(places)


def _value(run: Run, column: Column, values: RunValues, models: dict[int, Any]) -> Any:
    if column.name == "model":
        return models[run.pk].path if run.pk in models else None
    if column.kind == "fact":
        return TEXTS[column.name](run)
    field = column.fields[0]
    if field.kind == METRIC:
        read = [values.metrics[run.pk].get(one.key) for one in column.fields]
        series = next((one for one in read if one is not None), None)
        return None if series is None else getattr(series, SUMMARIES[field.aggregate])
    if field.kind == PARAMETER:
        row = values.parameters[run.pk].get(field.key)
        return None if row is None else row.text
    return next((tag.value for tag in run.tags.all() if tag.key == field.key), None)


def _csv(columns: list[Column], blocks: Rows) -> Iterator[bytes]:
    names = [column.name for column in columns]
    yield (",".join(_quoted(name) for name in names) + "\r\n").encode()
    for rows in blocks:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows([[_csv_cell(row[name]) for name in names] for row in rows])
        yield text.getvalue().encode()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if '"' in name or "," in name else name


def _csv_cell(value: Any) -> Any:
    """Text that a spreadsheet program would run as a formula is told to be text."""
    if isinstance(value, str) and value.startswith(FORMULA_BEGINNINGS) and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _json_lines(columns: list[Column], blocks: Rows) -> Iterator[bytes]:
    """NaN and infinities, which JSON has not, as texts like everywhere else."""
    for rows in blocks:
        lines = [{name: json_number(v) if isinstance(v, float) else v for name, v in row.items()} for row in rows]
        yield "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def _parquet(columns: list[Column], blocks: Rows) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(column.name, _arrow_type(column, pa)) for column in columns])
    sink = _Pieces()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for rows in blocks:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            yield sink.taken()
    yield sink.taken()


def _arrow_type(column: Column, pa: Any) -> Any:
    if column.name in WHOLE_NUMBERS:
        return pa.int64()
    metric = column.kind == "value" and column.fields[0].kind == METRIC
    return pa.float64() if metric or column.name == "duration" else pa.string()


class _Pieces(io.RawIOBase):
    """A file that hands on what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._place += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._place

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


_WRITERS: dict[str, Callable[[list[Column], Rows], Iterable[bytes]]] = {
    CSV: _csv,
    JSON_LINES: _json_lines,
    PARQUET: _parquet,
}
