"""Who refers to a stored file: read from the models themselves, so that the files of later apps count too."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet

from scenes.models import Frame, Scene, StoredFile


@dataclass(frozen=True)
class FileUse:
    """One row that needs a file: what the file is to it, and the scene and frame it belongs to, where it does."""

    role: str
    row: str
    scene_id: int | None = None
    scene: str = ""
    frame_id: int | None = None
    frame: str = ""

    def __str__(self) -> str:
        if self.frame:
            return f"{self.role} of frame {self.frame} in scene {self.scene}"
        return f"{self.role} of scene {self.scene}" if self.scene else f"{self.role} of {self.row}"


def file_references() -> list[models.Field]:
    """Every foreign key to a stored file that the database enforces, in any installed app.

    The copies in history tables are left out: they have no constraint and keep no bytes alive.
    """
    found = (relation for relation in StoredFile._meta.get_fields(include_hidden=True) if relation.auto_created)
    fields = (getattr(relation, "field", None) for relation in found)
    return [field for field in fields if isinstance(field, models.ForeignKey) and vars(field)["db_constraint"]]


def in_use() -> Q:
    """A condition on stored files: at least one row refers to it."""
    condition = Q(pk__in=[])
    for field in file_references():
        condition |= Q(Exists(field.model._base_manager.filter(**{field.attname: OuterRef("pk")})))
    return condition


def unreferenced_files() -> QuerySet[StoredFile]:
    """Stored files that no row refers to."""
    return StoredFile.objects.exclude(in_use())


def files_of_scene(scene: Scene) -> QuerySet[StoredFile]:
    """Every file that a scene, its frames, its labels or anything else that belongs to the scene refers to."""
    condition = Q(pk__in=[])
    for field in file_references():
        path = _path_to(field.model, Scene)
        if path is not None:
            rows = field.model._base_manager.filter(**{path or "pk": scene.pk}, **{f"{field.name}__isnull": False})
            condition |= Q(pk__in=rows.values(field.attname))
    return StoredFile.objects.filter(condition)


def file_uses(file_ids: Iterable[int]) -> dict[int, list[FileUse]]:
    """By file id: every row that refers to it. One query for each foreign key, for any number of files."""
    uses: dict[int, list[FileUse]] = {pk: [] for pk in file_ids}
    for field in file_references():
        related = [path for kind in (Frame, Scene) if (path := _path_to(field.model, kind))]
        rows = field.model._base_manager.filter(**{f"{field.attname}__in": list(uses)}).select_related(*related)
        for row in rows.order_by("pk"):
            uses[getattr(row, field.attname)].append(_use(field, row))
    return uses


def _use(field: Any, row: models.Model) -> FileUse:
    frame, scene = _belongs_to(row, Frame), _belongs_to(row, Scene)
    return FileUse(
        role=str(field.verbose_name),
        row=f"{row._meta.verbose_name} {row.pk}",
        scene_id=scene.pk if scene else None,
        scene=str(scene or ""),
        frame_id=frame.pk if frame else None,
        frame=frame.name if frame else "",
    )


def _belongs_to(row: models.Model, kind: type[models.Model]) -> Any:
    path = _path_to(type(row), kind)
    if path is None:
        return None
    found: Any = row
    for step in filter(None, path.split("__")):
        found = getattr(found, step, None)
    return found


def _path_to(model: type[models.Model], wanted: type[models.Model], depth: int = 3) -> str | None:
    """The lookup that leads from a model to its scene or frame ("" when it is one); None when there is none.

    Shortest way first, and only over columns that are always filled: what a row belongs to is never optional.
    """
    if model is wanted:
        return ""
    if depth == 0:
        return None
    ways = []
    for field in model._meta.local_fields:
        if isinstance(field, models.ForeignKey) and not field.null and isinstance(field.related_model, type):
            rest = _path_to(field.related_model, wanted, depth - 1)
            if rest is not None:
                ways.append(f"{field.name}__{rest}" if rest else field.name)
    return min(ways, key=lambda way: way.count("__"), default=None)
