"""Reads across the models of this app, each in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q, QuerySet

from datasets.models import Item
from experiments.models import MetricSeries, Run, RunParameter


@dataclass(frozen=True)
class TrainingUse:
    """A run that had a scene in its dataset version: in which split, and whether it trained on that split."""

    run: Run
    split: str
    trained: bool
    validated: bool


def training_runs_of(scene_ids: Iterable[int], *, most: int = 100) -> dict[int, list[TrainingUse]]:
    """By scene id: the runs whose dataset version holds the scene, newest first, `most` of each scene; two queries."""
    ids = list(scene_ids)
    items = Item.objects.filter(scene_id__in=ids, version__runs__isnull=False).order_by().distinct()
    splits: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for scene_id, version_id, split in items.values_list("scene_id", "version_id", "split"):
        splits[version_id].append((scene_id, split))
    uses: dict[int, list[TrainingUse]] = {pk: [] for pk in ids}
    runs = Run.objects.filter(dataset_version__in=splits, archived_at=None).select_related("dataset_version__dataset")
    for run in runs.defer("failure").order_by("-pk"):
        for scene_id, split in splits[run.dataset_version_id or 0]:
            if len(uses[scene_id]) < most:
                trained, validated = split in run.train_splits, split in run.validation_splits
                uses[scene_id].append(TrainingUse(run, split, trained, validated))
    return uses


def runs_with_scene(scene_id: int) -> Q:
    """A condition on runs: their dataset version holds this scene."""
    return Q(dataset_version__in=Item.objects.filter(scene=scene_id).values("version"))


def summaries(runs: Sequence[Run | int], keys: Iterable[str] = ()) -> dict[int, dict[str, MetricSeries]]:
    """By run id and key: the rolled-up metrics of any number of runs, of some keys or all, in one query."""
    ids = [run if isinstance(run, int) else run.pk for run in runs]
    found: dict[int, dict[str, MetricSeries]] = {pk: {} for pk in ids}
    for series in series_of(ids, keys):
        found[series.run_id][series.key] = series
    return found


def series_of(run_ids: Iterable[int], keys: Iterable[str] = ()) -> QuerySet[MetricSeries]:
    """The series of some runs, of some keys or all, in the order of run and key."""
    wanted = list(keys)
    found = MetricSeries.objects.filter(run__in=list(run_ids)).order_by("run_id", "key")
    return found.filter(key__in=wanted) if wanted else found


def parameters_of(runs: Sequence[Run | int]) -> dict[int, dict[str, RunParameter]]:
    """By run id and key: the parameters of any number of runs, in one query."""
    ids = [run if isinstance(run, int) else run.pk for run in runs]
    found: dict[int, dict[str, RunParameter]] = {pk: {} for pk in ids}
    for row in RunParameter.objects.filter(run__in=ids).order_by("run_id", "key"):
        found[row.run_id][row.key] = row
    return found


def lineage(run: Run, *, most: int = 50) -> list[Run]:
    """The runs that a run goes on from, nearest first: resumed from, over any number of steps, up to `most`."""
    found: list[Run] = []
    seen = {run.pk}
    current = run
    while current.resumed_from_id and current.resumed_from_id not in seen and len(found) < most:
        current = Run.objects.select_related("dataset_version__dataset").get(pk=current.resumed_from_id)
        seen.add(current.pk)
        found.append(current)
    return found


def keys_in_use(*, prefix: str = "", most: int = 100) -> dict[str, list[str]]:
    """The first keys of metrics, parameters and tags that begin with a text, for completion; three queries.

    Each walks along its index from key to key, so that the cost follows the number of keys and not of runs.
    """
    return {
        kind: _distinct_keys(table, prefix, most)
        for kind, table in (
            ("metrics", "experiments_metricseries"),
            ("parameters", "experiments_runparameter"),
            ("tags", "experiments_runtag"),
        )
    }


_WALK = """
WITH RECURSIVE walk AS (
    (SELECT key FROM {table} WHERE key >= %s ORDER BY key LIMIT 1)
    UNION ALL
    SELECT (SELECT key FROM {table} WHERE key > walk.key ORDER BY key LIMIT 1) FROM walk WHERE walk.key IS NOT NULL
) SELECT key FROM walk WHERE starts_with(key, %s) LIMIT %s
"""


def _distinct_keys(table: str, prefix: str, most: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WALK.format(table=table), [prefix, prefix, most])
        return [key for (key,) in cursor.fetchall()]


def architectures_in_use(*, most: int = 200) -> list[str]:
    """The architectures that any run has, in order; one query that walks the index from one to the next."""
    with connection.cursor() as cursor:
        cursor.execute(_ARCHITECTURES, [most])
        return [name for (name,) in cursor.fetchall()]


_ARCHITECTURES = """
WITH RECURSIVE walk AS (
    (SELECT architecture FROM experiments_run WHERE architecture > '' ORDER BY architecture LIMIT 1)
    UNION ALL
    SELECT (SELECT architecture FROM experiments_run WHERE architecture > walk.architecture
        ORDER BY architecture LIMIT 1)
    FROM walk WHERE walk.architecture IS NOT NULL
) SELECT architecture FROM walk WHERE architecture IS NOT NULL LIMIT %s
"""
