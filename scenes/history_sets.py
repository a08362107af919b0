"""The audit rows of a change that was made to many rows at once, written by the database itself.

queryset.update() writes no history, and history row by row costs 40 times as much (DESIGN.md, section 3).
"""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.utils import timezone

from scenes.audit import current_bulk, current_door, current_request_id


def record_history(queryset: models.QuerySet[Any], *, by: User | None, reason: str, kind: str = "~") -> int:
    """Write a history row for every row of the queryset, as it is now; returns how many.

    `kind` is "+" after rows were added, "~" after they were changed, "-" before they are deleted.

    The same columns as saving each row by `save_audited` after a change would write, in one INSERT..SELECT with one
    time for all. Call it in the transaction of the change, on rows chosen by their keys: a condition that the change
    itself made false finds nothing any more. Any model with `history` will do; the queryset may not be sliced.
    """
    history = queryset.model.history.model
    tracked = [field.attname for field in history.tracked_fields]
    written: dict[str, Any] = {
        "history_date": timezone.now(),
        "history_change_reason": reason,
        "history_type": kind,
        "history_user_id": by.pk if by else None,
        "door": current_door(),
        "request_id": current_request_id(),
        "bulk": current_bulk(),
    }
    columns = {field.attname: field.column for field in history._meta.concrete_fields}
    try:
        rows, parameters = queryset.order_by().values_list(*tracked).query.sql_with_params()
    except EmptyResultSet:  # nothing can match, as in .none()
        return 0
    connection = connections[queryset.db]
    quoted = ", ".join(connection.ops.quote_name(columns[name]) for name in [*tracked, *written])
    places = ", ".join(f"%s::{_column_type(history, name, connection)}" for name in written)
    statement = f"INSERT INTO {connection.ops.quote_name(history._meta.db_table)} ({quoted}) "
    statement += f"SELECT changed.*, {places} FROM ({rows}) AS changed"  # noqa: S608 - names of the models only
    with connection.cursor() as cursor:
        cursor.execute(statement, [*written.values(), *parameters])
        return int(cursor.rowcount)


def _column_type(history: type[models.Model], name: str, connection: Any) -> str:
    """The database's type of a column; a bare parameter of a SELECT would be taken for text."""
    field = next(field for field in history._meta.concrete_fields if field.attname == name)
    return str(field.rel_db_type(connection) if not field.is_relation else field.db_type(connection))
