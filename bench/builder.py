"""How fast datasets are built: adding all that match, statistics of a draft, and freezing.

    python -m bench.builder [--library 20000] [--added 10000] [--frozen 2000] [--frames 10] [--json]

Scenes with frames, labels and tags are made here in a throw-away database. Adding is held against 5 s for 100,000
scenes and shown beside one bare INSERT with its history; freezing against 5 s for 10,000 scenes and beside one reading
of the manifest's facts; the statistics of the same draft in a library of full size against a tenth of it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.figures import Figure, arguments, at_most, report
from bench.installation import throw_away_installation

PASSES = 5
ADD_LIMIT_SECONDS, ADD_LIMIT_SCENES = 5.0, 100_000
FREEZE_LIMIT_SECONDS, FREEZE_LIMIT_SCENES = 5.0, 10_000
DRAFT_SCENES = 1000
DRIVE_SCENES = 50

SCENES = """
    INSERT INTO scenes_drive (name, vehicle, date, location, notes, created_at)
    SELECT 'drive-' || n, '', DATE '2026-01-01' + n::int %% 300, '', '', now()
    FROM generate_series(%(first)s / 50, %(last)s / 50) AS n ON CONFLICT DO NOTHING;
    INSERT INTO scenes_scene ({columns})
    SELECT {values} FROM generate_series(%(first)s, %(last)s) AS n
    JOIN scenes_drive AS drive ON drive.name = 'drive-' || n / 50;
"""
VALUES = {
    "name": "'bench-' || lpad(n::text, 8, '0')",
    "drive_id": "drive.id",
    "captured_at": "TIMESTAMPTZ '2026-01-01 08:00Z' + make_interval(days => n::int / 50, secs => n::int % 50 * 60)",
    "duration_seconds": "20",
    "frame_count": "%(frames)s",
    "point_count": "120000 * %(frames)s",
    "size_bytes": "1900000 * %(frames)s",
    "position_state": "'known'",
    "start_latitude": "48 + (n / 50)::float8 / 1000",
    "start_longitude": "11 + (n % 50)::float8 / 5000",
    "end_latitude": "48 + (n / 50)::float8 / 1000",
    "end_longitude": "11.001 + (n % 50)::float8 / 5000",
}
LABELS = """
    INSERT INTO scenes_labelset
        (scene_id, version, ontology_id, kind, note, frame_count, class_counts, unknown, created_at)
    SELECT id, 1, %(ontology)s, 'npy', '', frame_count, array_fill(1000 + id %% 7, ARRAY[20])::bigint[], '[]', now()
    FROM scenes_scene WHERE id > %(after)s
"""
TAGS = """
    INSERT INTO scenes_scenetag (content_object_id, tag_id) SELECT scene.id, tag.id FROM scenes_scene AS scene
    JOIN scenes_tag AS tag ON scene.id %% 3 = tag.id %% 3 WHERE scene.id > %(after)s ON CONFLICT DO NOTHING
"""
FILES = """
    INSERT INTO scenes_storedfile (digest, size, storage, path, created_at, problem)
    SELECT encode(sha256(convert_to(kind || name || index, 'UTF8')), 'hex'), 1900000, 'originals', '', now(), ''
    FROM (SELECT * FROM scenes_scene ORDER BY id LIMIT %(frozen)s) AS scene
    CROSS JOIN generate_series(1, %(frames)s) AS index CROSS JOIN unnest(ARRAY['cloud', 'classes']) AS kind;
    INSERT INTO scenes_frame ({columns})
    SELECT {values} FROM (SELECT * FROM scenes_scene ORDER BY id LIMIT %(frozen)s) AS scene
    CROSS JOIN generate_series(1, %(frames)s) AS index
    JOIN scenes_storedfile AS file
        ON file.digest = encode(sha256(convert_to('cloud' || scene.name || index, 'UTF8')), 'hex');
    INSERT INTO scenes_framelabels (label_set_id, frame_id, classes_id, point_count, class_counts, unknown)
    SELECT labels.id, frame.id, file.id, 120000, '{{}}', '[]' FROM scenes_frame AS frame
    JOIN scenes_scene AS scene ON scene.id = frame.scene_id JOIN scenes_labelset AS labels ON labels.scene_id = scene.id
    JOIN scenes_storedfile AS file
        ON file.digest = encode(sha256(convert_to('classes' || scene.name || frame.index, 'UTF8')), 'hex');
"""
FRAME_VALUES = {"scene_id": "scene.id", "index": "index", "name": "lpad(index::text, 6, '0') || '.pcd'",
                "state": "'ready'", "cloud_id": "file.id", "point_count": "120000"}  # fmt: skip


def run(statement: str, parameters: Any = None) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def columns_of(model: Any, given: dict[str, str]) -> tuple[str, str]:
    """Columns and their values: what is given, and for the rest the default that the model would write."""
    import json

    from django.db import connection
    from django.db.models import Field, JSONField

    values = dict(given)
    for field in model._meta.concrete_fields:
        if field.primary_key or field.column in values or field.null:
            continue
        plain: Field[Any, Any] = field
        default = getattr(model(), field.attname)
        if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
            values[field.column] = "now()"
        elif isinstance(plain, JSONField):
            values[field.column] = f"'{json.dumps(default)}'"
        elif isinstance(default, list):
            values[field.column] = "'{}'"
        else:
            written = plain.get_db_prep_save(default, connection)
            values[field.column] = "now()" if "time" in (plain.db_type(connection) or "") else _literal(written)
    return ", ".join(connection.ops.quote_name(name) for name in values), ", ".join(values.values())


def _literal(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


def make_scenes(first: int, last: int, frames: int) -> None:
    """Scenes first..last with label sets and tags, without frames."""
    from django.db.models import Max

    from scenes.models import Ontology, Scene, Tag

    after = Scene.objects.aggregate(last=Max("pk"))["last"] or 0
    columns, values = columns_of(Scene, VALUES)
    values = values.replace("n::int % 50", "n::int %% 50").replace("(n % 50)", "(n %% 50)")
    run(SCENES.format(columns=columns, values=values), {"first": first, "last": last, "frames": frames})
    for name in ("night", "rain", "urban", "all"):
        Tag.objects.get_or_create(name=name, slug=name)
    ontology = Ontology.objects.order_by("pk").first()
    run(LABELS, {"ontology": ontology.pk if ontology else None, "after": after})
    run(TAGS, {"after": after})
    run("ANALYZE")


def make_frames(scenes: int, frames: int) -> None:
    from scenes.models import Frame

    columns, values = columns_of(Frame, FRAME_VALUES)
    run(FILES.format(columns=columns, values=values), {"frozen": scenes, "frames": frames})
    run("ANALYZE")


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def first_scenes(count: int) -> list[int]:
    from scenes.models import Scene

    return list(Scene.objects.order_by("pk").values_list("pk", flat=True)[:count])


def bare_insert(version: int, ids: list[int]) -> None:
    """The least that adding with history takes: one statement."""
    run(
        """
        WITH added AS (
            INSERT INTO datasets_item (version_id, scene_id, split, fixed_split, content_digest)
            SELECT %s, scene, '', '', '' FROM unnest(%s::bigint[]) AS scene ON CONFLICT DO NOTHING
            RETURNING id, version_id, scene_id)
        INSERT INTO datasets_historicalitem (id, version_id, scene_id, split, fixed_split, content_digest,
            history_date, history_type, history_change_reason, door, request_id)
        SELECT id, version_id, scene_id, '', '', '', now(), '+', 'bench', 'bench', '' FROM added
        """,
        [version, ids],
    )


def add_figures(count: int, person: Any) -> list[Figure]:
    from datasets import services
    from scenes.models import Scene

    ids = first_scenes(count)
    bare = services.create_dataset(name="bare", by=person)
    least = timed(lambda: bare_insert(bare.pk, ids))
    draft = services.create_dataset(name="all", by=person)
    matching = Scene.objects.filter(pk__lte=ids[-1])
    taken = timed(lambda: services.add_scenes(version=draft, scenes=matching, by=person))
    if draft.items.count() != len(ids):
        raise SystemExit("Not every scene was added.")
    allowed = ADD_LIMIT_SECONDS * count / ADD_LIMIT_SCENES
    drawn = timed(lambda: services.draw_splits(version=draft, by=person))
    return [
        at_most(f"add all that match, {count:,}", taken, "s", max(allowed, 0.2), 1),
        at_most("the same against one INSERT", taken, "s", least, 4),
        at_most(f"draw the splits of {count:,}", drawn, "s", max(allowed, 0.2), 1),
    ]


def statistics_milliseconds(version: Any) -> float:
    from datasets import selectors

    selectors.statistics(version)
    return 1000 * statistics.median(timed(lambda: selectors.statistics(version)) for _ in range(PASSES))


def freeze_figures(count: int, frames: int, person: Any) -> list[Figure]:
    from datasets import manifests, selectors, services
    from datasets.models import DatasetVersion

    make_frames(count, frames)
    draft = services.create_dataset(name="frozen", by=person)
    services.add_scenes(version=draft, scenes=first_scenes(count), by=person)
    services.draw_splits(version=draft, by=person)
    draft = DatasetVersion.objects.get(pk=draft.pk)
    warnings = [one["name"] for one in selectors.certificate(draft)["warnings"]]
    least = timed(lambda: sum(len(line) for _, line in manifests.lines(draft)))
    taken = timed(lambda: services.freeze(version=draft, acknowledged=warnings, by=person))
    allowed = FREEZE_LIMIT_SECONDS * count / FREEZE_LIMIT_SCENES
    return [
        at_most(f"freeze {count:,} scenes of {frames} frames", taken, "s", max(allowed, 0.5), 1),
        at_most("the same against reading its facts", taken, "s", least, 12),
    ]


def measure(library: int, added: int, frozen: int, frames: int) -> list[Figure]:
    from django.contrib.auth.models import User

    from datasets import services

    person = User.objects.create_superuser("bench")
    small = max(added, library // 10)
    make_scenes(1, small, frames)
    draft = services.create_dataset(name="draft", by=person)
    services.add_scenes(version=draft, scenes=first_scenes(min(DRAFT_SCENES, small)), by=person)
    before = statistics_milliseconds(draft)
    if library > small:
        make_scenes(small + 1, library, frames)
    after = statistics_milliseconds(draft)
    flat = at_most(f"statistics, library {small:,} -> {library:,}", after, "ms", before, 1.5)
    return [flat, *add_figures(added, person), *freeze_figures(min(frozen, library), frames, person)]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--library", type=int, default=20_000)
    parser.add_argument("--added", type=int, default=10_000)
    parser.add_argument("--frozen", type=int, default=2000)
    parser.add_argument("--frames", type=int, default=10)
    options = parser.parse_args()
    with throw_away_installation():
        figures = measure(options.library, min(options.added, options.library), options.frozen, options.frames)
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
