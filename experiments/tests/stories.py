"""Stories for tests: people with roles, runs, frozen dataset versions, and a script that talks to the API."""

import json
from typing import Any

import numpy as np
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from datasets.models import Dataset, DatasetVersion, Item
from experiments import services
from experiments.models import Run
from experiments.services import MetricBatch
from experiments.wishes import RunWishes
from scenes import storage
from scenes.models import Scene, StoredFile


def a_person(name: str = "tara", role: str = "trainer") -> User:
    """An account in a role; asked for again it is the same one."""
    person, _ = User.objects.get_or_create(username=name)
    person.groups.set([Group.objects.get(name=role)])
    return User.objects.get(pk=person.pk)


def a_run(*, by: User | None = None, **wishes: Any) -> Run:
    return services.create_run(wishes=RunWishes(**wishes), by=by or a_person()).run


def a_batch(key: str = "loss", *, steps: Any = (1, 2, 3), values: Any = None, first_ms: int = 1_000_000) -> MetricBatch:
    """Points of one key, a second apart."""
    steps = np.asarray(steps, np.int64)
    values = np.asarray(steps / 10 if values is None else values, np.float64)
    missing = np.full(len(steps), np.nan)
    return MetricBatch([key], np.zeros(len(steps), np.int64), steps, first_ms + 1000 * steps, values, missing)


def a_version(name: str = "Urban", *, state: str = "frozen", **splits: list[Scene]) -> DatasetVersion:
    """A dataset version with scenes by split, made a row at a time while it is a draft, then frozen."""
    dataset, _ = Dataset.objects.get_or_create(name=name)
    number = dataset.versions.count() + 1
    version = DatasetVersion.objects.create(dataset=dataset, number=number)
    for split, scenes in splits.items():
        for scene in scenes:
            Item.objects.create(version=version, scene=scene, split=split)
    if state != "draft":
        facts: dict[str, Any] = {"state": state, "frozen_at": timezone.now(), "digest": "0" * 64}
        facts["frozen_by"] = a_person("fred", "curator")
        facts["manifest"] = StoredFile.objects.row_for(storage.save_bytes(b"{}", storage=storage.ORIGINALS))
        DatasetVersion.objects.filter(pk=version.pk).update(**facts)
    return DatasetVersion.objects.select_related("dataset").get(pk=version.pk)


class Script:
    """A script that talks to the API of runs as one person."""

    def __init__(self, person: User) -> None:
        self.client = Client(raise_request_exception=True)
        self.client.force_login(person)

    def get(self, address: str, **parameters: Any) -> Any:
        return self.client.get(f"/api/{address}", parameters)

    def post(self, address: str, body: object = None, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"/api/{address}", data, content_type="application/json", headers=named)

    def put(self, address: str, data: bytes, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = named.pop("Content-Type", "application/octet-stream")
        return self.client.put(f"/api/{address}", data, content_type=kind, headers=named)

    def patch(self, address: str, body: object) -> Any:
        return self.client.patch(f"/api/{address}", json.dumps(body), content_type="application/json")
