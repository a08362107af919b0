"""What each word of the explorer's filters means, as conditions on scenes that the database answers by an index."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.fields import TextField
from django.db.models.functions import Concat
from django.db.models.lookups import Lookup
from django.utils import timezone

from scenes.models import (
    ACTIVE_INGEST_STATES,
    IngestJob,
    IngestState,
    LabelingStatus,
    PositionState,
    SceneTag,
    SearchText,
    SemanticClass,
)

INGEST_CHOICES = [
    ("ok", "All frames are in"),
    ("running", "Waiting or running"),
    ("failed", "Failed or cancelled"),
    ("quarantined", "With quarantined frames"),
]
SHORT_WORD = 2
_SPECIAL = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


@TextField.register_lookup
class Like(Lookup):
    """`column LIKE lower(pattern)`, for texts that are kept in lower case."""

    lookup_name = "lower_like"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, left_parameters = self.process_lhs(compiler, connection)
        right, right_parameters = self.process_rhs(compiler, connection)
        return f"{left} LIKE lower({right})", (*left_parameters, *right_parameters)


def search_pattern(word: str) -> str:
    """The pattern of a word: anywhere; a word of one or two characters where words begin, which an index can find."""
    escaped = word.translate(_SPECIAL)
    return f"% {escaped}%" if len(word) <= SHORT_WORD and word.isalnum() else f"%{escaped}%"


def searched(text: str) -> QuerySet[SearchText]:
    """The search texts in which every word of `text` occurs."""
    found = SearchText.objects.order_by()
    for word in dict.fromkeys(text.split()):
        found = found.filter(text__lower_like=search_pattern(word))
    return found


def links_of(tags: Iterable[int], conditions: Q | None = None) -> QuerySet[SceneTag]:
    """Links of the tags that meet conditions on their columns, as ids of scenes to look for."""
    ids = list(tags)
    chosen = Q(tag_id=ids[0]) if len(ids) == 1 else Q(tag_id__in=ids)
    return SceneTag.objects.filter(chosen & (conditions or Q())).order_by().values("content_object_id")


def within(area: tuple[float, float, float, float]) -> Q:
    """Scenes that start inside (west, south, east, north), in degrees."""
    west, south, east, north = area
    known = Q(position_state=PositionState.KNOWN, start_latitude__range=(south, north))
    if west <= east:
        return known & Q(start_longitude__range=(west, east))
    return known & (Q(start_longitude__gte=west) | Q(start_longitude__lte=east))


def in_ingest_state(state: str) -> Q:
    """Scenes whose last job is active, or ended badly; that have quarantined frames; or none of these."""
    if state == "running":
        return Q(pk__in=IngestJob.objects.filter(state__in=ACTIVE_INGEST_STATES).order_by().values("scene_id"))
    if state == "failed":
        later = IngestJob.objects.filter(scene=OuterRef("scene"), pk__gt=OuterRef("pk"))
        bad = IngestJob.objects.filter(state__in=[IngestState.FAILED, IngestState.CANCELLED])
        return Q(pk__in=bad.filter(~Exists(later)).order_by().values("scene_id"))
    if state == "quarantined":
        return Q(quarantined_count__gt=0)
    return Q(quarantined_count=0) & ~in_ingest_state("running") & ~in_ingest_state("failed")


def class_labels() -> QuerySet[SemanticClass]:
    """Semantic classes by `ontology/class name`."""
    return SemanticClass.objects.order_by().annotate(label=Concat("ontology__name", Value("/"), "name"))


def start_of(day: date) -> datetime:
    """Midnight at the beginning of a day, in the site's time zone."""
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - gets its zone here


def end_of(day: date) -> datetime:
    return start_of(day + timedelta(days=1)) if day < date.max else start_of(day)


def overdue(today: date, *, late: bool) -> Q:
    """Scenes whose due date has passed and that are not labeled yet, or all others."""
    if late:
        return Q(due_on__lt=today) & ~Q(status=LabelingStatus.LABELED)
    return Q(due_on__isnull=True) | Q(due_on__gte=today) | Q(status=LabelingStatus.LABELED)
