"""The addresses of all routes: every pattern of the site, filled with the numbers of rows that are there."""

import re
from functools import cache

from django.contrib.auth.models import User
from django.urls import get_resolver

from datasets import services as dataset_services
from datasets.models import DatasetVersion
from datasets.selectors import certificate
from lamm.tests import house_rules
from lamm.tests.evaluation_addresses import evaluation_address
from lamm.tests.model_addresses import model_address
from lamm.tests.run_addresses import run_address
from lamm.tests.viewer_addresses import viewer_address
from scenes.models import ApiToken, BulkChange, Comment, ExportState, SavedView, SceneExport, Upload
from scenes.services import commenting, curating
from scenes.tests.factories import a_labelled_scene
from scenes.tests.viewed import a_viewed_scene

ROUTES = [
    (name, pattern)
    for name, pattern in house_rules.routes(get_resolver().url_patterns)
    if not pattern.startswith("admin/") and "format" not in pattern
]


def own_row(pattern: str, person: User) -> int:
    """The number of a person's own export, saved view or bulk change, made where it is missing."""
    if "export" in pattern:
        made = {"format": "csv", "columns": ["id"], "state": ExportState.DIRECT}
        return SceneExport.objects.get_or_create(owner=person, defaults=made)[0].pk
    if "views" in pattern:
        return SavedView.objects.get_or_create(owner=person, name="walked")[0].pk
    BulkChange.objects.update(actor=person)
    return BulkChange.objects.get().pk


# Patterns of datasets whose numbers are filled by name.
FILLED = ("files/dataset-exports/", "api/dataset-versions/<int:version_id>/")


def dataset_address(pattern: str) -> str:
    """The address of a row of the API of datasets; nothing for other patterns."""
    if not pattern.startswith(("datasets/", "api/^dataset", "api/^verifications/", *FILLED)):
        return ""
    version = DatasetVersion.objects.first()
    rows = {
        "api/^datasets/": version.dataset,
        "api/^dataset-versions/": version,
        "api/^dataset-items/": version.items.first(),
        "api/^dataset-slices/": version.slices.first(),
        "api/^verifications/": version.verifications.first(),
        "api/^dataset-exports/": version.exports.first(),
    }
    pattern = pattern.replace("<int:export_id>", str(version.exports.first().pk))
    if pattern.startswith(FILLED):
        return "/" + pattern.replace("<int:version_id>", str(version.pk))
    if pattern.startswith("datasets/"):
        filled = pattern.replace("<str:name>", version.dataset.name).replace("<int:number>", str(version.number))
        filled = filled.replace("<int:slice_id>", str(version.slices.first().pk))
        return "/" + filled.replace("<int:version_id>", str(version.pk))
    row = next((row for part, row in rows.items() if pattern.startswith(part)), None)
    if row is None:
        return ""
    filled = re.sub(r"\(\?P<\w+>[^)]*\)", str(row.pk), pattern)
    return "/" + filled.replace("^", "").replace("$", "").replace("\\Z", "")


def a_frozen_dataset(scene, owner: User) -> None:
    """A frozen version of the scene, with a slice and a verification."""
    draft = dataset_services.create_dataset(name="Walked", by=owner)
    dataset_services.add_scenes(version=draft, scenes=[scene.pk], by=owner)
    dataset_services.set_slice(version=draft, name="all", scenes=[scene.pk], by=owner)
    dataset_services.draw_splits(version=draft, by=owner)
    told = certificate(DatasetVersion.objects.get(pk=draft.pk))["warnings"]
    version = dataset_services.freeze(version=draft, acknowledged=[one["name"] for one in told], by=owner)
    dataset_services.verify(version=version, by=owner)
    dataset_services.request_export(version=version, form="manifest-jsonl", by=owner)


def other_address(pattern: str, person: User | None) -> str:
    """The address where an app of its own knows it; nothing else."""
    found = dataset_address(pattern) or run_address(pattern, person) or evaluation_address(pattern, person)
    return found or model_address(pattern, person)


@cache
def rows_of(scene):
    """The first frame, rows by a part of their addresses, and the first frame's labels: asked for once."""
    frame = scene.frames.select_related("cloud", "display").first()
    rows = {
        "frames": frame,
        "drives": scene.drive,
        "jobs": scene.ingest_jobs.first(),
        "bulk-changes": BulkChange.objects.get(),
        "comments": Comment.objects.first(),
    }
    labels = scene.label_sets.get().frames.select_related("original", "classes", "label_set").first()
    return frame, rows, labels


def address(pattern: str, scene, person: User | None = None) -> str:
    """The pattern with the numbers of rows that are there; `person` owns what only owners see."""
    if found := viewer_address(pattern) if "files/frames" in pattern else other_address(pattern, person):
        return found
    frame, rows, labels = rows_of(scene)
    digest = scene.thumbnail.digest if "files/scenes" in pattern else frame.cloud.digest
    if "display" in pattern:
        digest = frame.display.digest
    number = next((row.pk for part, row in rows.items() if part in pattern), scene.pk)
    if "labels/" in pattern or "strip/" in pattern:
        digest = (scene.filmstrip if "strip/" in pattern else scene.label_thumbnail).digest
    if "frame-labels" in pattern:
        number = labels.pk
        digest = (labels.original if "original" in pattern else labels.classes).digest
    if "label-sets" in pattern:
        number = labels.label_set_id
    if "ontologies" in pattern:
        number = labels.label_set.ontology_id
    if "uploads" in pattern:
        upload = Upload.objects.get()
        number = upload.files.get().pk if "files" in pattern else upload.pk
        pattern = re.sub(r"\(\?P<upload_id>[^)]*\)", str(upload.pk), pattern)
    if person is not None and ("explorer/" in pattern or "exports" in pattern or "saved-views" in pattern):
        number = own_row(pattern, person)
        pattern = pattern.replace("<str:action>", "add-tags" if "/do/" in pattern else "export")
    if "tokens" in pattern and person is not None:
        number = ApiToken.objects.get(user=person).pk
    filled = re.sub(r"<str:digest>", digest, pattern)
    filled = re.sub(r"<int:\w+>|\(\?P<pk>[^)]*\)", str(number), filled)
    return "/" + filled.replace("^", "").replace("$", "").replace("\\Z", "").replace("\\.", ".")


def a_walked_scene():
    """A scene with a row of everything that an address names."""
    scene = a_labelled_scene(drive="a drive")
    owner = User.objects.create_superuser("owner")
    upload = Upload.objects.create(scene_name=scene.name, owner=owner, job=scene.ingest_jobs.first())
    upload.files.create(name="000000.pcd", size=1)
    curating.add_tags(scenes=[scene.pk], tags=["walked"], by=owner)
    a_frozen_dataset(scene, owner)
    commenting.comment(scene=scene, text="Look here.", by=owner)
    a_viewed_scene()
    return scene
