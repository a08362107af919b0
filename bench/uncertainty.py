"""How fast scores come in, are finished and are read, against COPY of the same numbers with a row a frame.

    python -m bench.uncertainty [--scenes 2000] [--frames 100] [--timeline 20000] [--calls 100]

`--scenes` scenes with `--frames` frames each are made by SQL in a frozen dataset version, and one scene with
`--timeline` frames. Four clients, each a process, send the score vectors of all scenes in the binary form through the
web server of `make demo`, `--calls` scenes a call, to a draft that warms it up and then to the one measured; beside it
the same numbers go by COPY into a table with a row a frame. Then the evaluation is finished, which is also told for 10
million frames at the same pace, the bytes on disk are counted, and the timeline of the long scene is read as the scene
page does.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import statistics
import struct
import time
from typing import Any

import numpy as np

from bench.experiments import client_of, make_person, web_server
from bench.figures import Figure, arguments, at_least, at_most, report
from bench.installation import throw_away_installation

CLIENTS = 4
COPY_SHARE, BYTES_A_FRAME, TIMELINE_MS, FINISH_SECONDS, TEN_MILLION = 1.0, 8.0, 20.0, 10.0, 10_000_000
WISHES = {"dataset": "Bench@v1", "split": "val", "name": "bench", "measure": "predictive_entropy", "normalised": True}


def make_world(scenes: int, frames: int, timeline: int) -> list[tuple[int, int]]:
    """Scenes in a frozen version: the id and number of frames of each, the long one last."""
    from django.db import connection
    from django.utils import timezone

    from datasets.models import Dataset, DatasetVersion
    from scenes import storage
    from scenes.models import Scene, StoredFile

    lengths = [frames] * scenes + [timeline]
    made = Scene.objects.bulk_create(
        [Scene(name=f"bench-{number:07d}", frame_count=count) for number, count in enumerate(lengths)], batch_size=5000
    )
    ids = [scene.pk for scene in made]
    kept = StoredFile.objects.row_for(storage.save_bytes(b"bench", storage=storage.ORIGINALS))
    version = DatasetVersion.objects.create(dataset=Dataset.objects.create(name="Bench"), number=1)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO scenes_frame (scene_id, index, name, source, topic, root, format, state, problem, attempts,
                cloud_id, point_count, finite_count, fields, warnings)
            SELECT scene, place, lpad(place::text, 6, '0') || '.pcd', '', '', '', '', 'ready', '', 0, %s, 1000, 1000,
                '[]', '[]'
            FROM unnest(%s::bigint[], %s::int[]) AS given (scene, frames), generate_series(0, frames - 1) AS place
            """,
            [kept.pk, ids, lengths],
        )
        cursor.execute(
            """
            INSERT INTO datasets_item (version_id, scene_id, split, fixed_split, content_digest)
            SELECT %s, scene, 'val', '', '' FROM unnest(%s::bigint[]) AS scene
            """,
            [version.pk, ids],
        )
        cursor.execute("VACUUM ANALYZE scenes_frame")
    facts: dict[str, Any] = {"state": "frozen", "frozen_at": timezone.now(), "digest": "0" * 64, "manifest": kept}
    DatasetVersion.objects.filter(pk=version.pk).update(**facts)
    return list(zip(ids, lengths, strict=True))


def scores_of(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).beta(2, 6, count).astype("<f4")


def body_of(scenes: list[tuple[int, int]]) -> bytes:
    """The scores of some scenes in the binary form."""
    header = json.dumps({"kind": "scenes", "count": len(scenes)}).encode()
    ids, lengths = (np.array(column) for column in zip(*scenes, strict=True))
    arrays = [ids.astype("<i8"), lengths.astype("<i4"), scores_of(int(lengths.sum()), int(ids[0]))]
    return b"".join([b"LAMMSC01", struct.pack("<I", len(header)), header, *(one.tobytes() for one in arrays)])


def send(address: str, token: str, drafts: list[int], calls: list[list[tuple[int, int]]], gates: Any) -> None:
    """One client: makes its bodies, sends them to a draft that warms the server up, waits for the others, and sends.

    A web worker that has just started imports the site and connects to its database in the first calls.
    """
    bodies = [body_of(call) for call in calls]
    headers = {"Content-Type": "application/vnd.lamm.scores"}
    warming, measured = drafts
    ready, go, done = gates
    with client_of(address, token) as client:

        def post(evaluation: int) -> None:
            for body in bodies:
                answer = client.post(f"/evaluations/{evaluation}/scores/", content=body, headers=headers)
                if answer.is_error:
                    raise SystemExit(answer.text)

        post(warming)
        ready.release()
        go.wait()
        post(measured)
        done.release()


def ingest_speed(address: str, token: str, drafts: list[int], scenes: list[tuple[int, int]], a_call: int) -> float:
    """Frames a second of four clients at once, from the first call to the last answer."""
    context = multiprocessing.get_context("spawn")
    gates = ready, go, done = context.Semaphore(0), context.Event(), context.Semaphore(0)
    calls = [scenes[first : first + a_call] for first in range(0, len(scenes), a_call)]
    shares = [share for share in (calls[client::CLIENTS] for client in range(CLIENTS)) if share]
    clients = [context.Process(target=send, args=(address, token, drafts, share, gates)) for share in shares]
    for client in clients:
        client.start()
    _wait_for_each(clients, ready)
    started = time.perf_counter()
    go.set()
    _wait_for_each(clients, done)
    seconds = time.perf_counter() - started
    for client in clients:
        client.join()
    return sum(count for _, count in scenes) / seconds


def _wait_for_each(clients: list[Any], gate: Any) -> None:
    for _ in clients:
        if not gate.acquire(timeout=180):
            raise SystemExit("A client failed.")


def copy_speed(scenes: list[tuple[int, int]]) -> tuple[float, float]:
    """Rows a second and bytes a row of COPY into a table with a row a frame, its key as an index."""
    from django.db import connection

    rows = [
        (scene, place, score) for scene, count in scenes for place, score in enumerate(scores_of(count, 1).tolist())
    ]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_frames (scene bigint, frame int, score real, PRIMARY KEY (scene, frame))")
        started = time.perf_counter()
        with cursor.copy("COPY bench_frames FROM STDIN") as copy:
            copy.write("".join(f"{scene}\t{place}\t{score:.6f}\n" for scene, place, score in rows))
        seconds = time.perf_counter() - started
        cursor.execute("SELECT pg_total_relation_size('bench_frames')")
        size = cursor.fetchone()[0]
        cursor.execute("DROP TABLE bench_frames")
    return len(rows) / seconds, size / len(rows)


def bytes_a_frame(frames: int) -> float:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('uncertainty_scenescores')")
        return float(cursor.fetchone()[0]) / frames


def finishing_seconds(evaluation: int) -> float:
    from django.contrib.auth.models import User

    from uncertainty import services
    from uncertainty.models import Evaluation

    person = User.objects.get(username="bench")
    started = time.perf_counter()
    services.finish_evaluation(evaluation=Evaluation.objects.get(pk=evaluation), by=person)
    return time.perf_counter() - started


def timeline_ms(scene_id: int) -> float:
    """Server time for the scores along a scene's frames, as the scene page gets them; the median of 15."""
    import msgspec

    from lamm.playback import _scores
    from lamm.uncertainty_series import evaluation_series
    from scenes.models import Scene

    scene = Scene.objects.get(pk=scene_id)
    frames = list(scene.frames.order_by("index").values_list("pk", flat=True))
    taken = []
    for _ in range(15):
        started = time.perf_counter()
        msgspec.json.encode([_scores(series) for series in evaluation_series(scene, frames)])
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


def figures(address: str, token: str, scenes: list[tuple[int, int]], a_call: int) -> list[Figure]:
    frames = sum(count for _, count in scenes)
    drafts = []
    with client_of(address, token) as client:
        for name in ("warming up", "bench"):
            answer = client.post("/evaluations/", json={**WISHES, "name": name})
            answer.raise_for_status()
            drafts.append(int(answer.json()["id"]))
    speed = ingest_speed(address, token, drafts, scenes, a_call)
    rows, row_bytes = copy_speed(scenes)
    size = bytes_a_frame(2 * frames)
    finishing = finishing_seconds(drafts[1])
    return [
        at_least("scores by HTTP, 4 clients", speed, "frames/s, limit: COPY of rows", rows, COPY_SHARE),
        at_most("bytes a frame on disk", size, "bytes, limit: 8", BYTES_A_FRAME, 1.0),
        at_most("bytes against a row a frame", size, "bytes, limit: the rows", row_bytes, 0.2),
        at_most("finishing", finishing, f"s for {frames:,} frames, limit: 10", FINISH_SECONDS, 1.0),
        at_most("finishing 10 M at this pace", finishing * TEN_MILLION / frames, "s, limit: 10", FINISH_SECONDS, 1.0),
        at_most("timeline of the long scene", timeline_ms(scenes[-1][0]), "ms, limit: 20", TIMELINE_MS, 1.0),
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--scenes", type=int, default=2000)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--timeline", type=int, default=20_000)
    parser.add_argument("--calls", type=int, default=100, help="scenes a call")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    with throw_away_installation():
        scenes, token = make_world(given.scenes, given.frames, given.timeline), make_person()
        with web_server() as (address, _):
            report(figures(address, token, scenes, given.calls), as_json=given.json)


if __name__ == "__main__":
    main()
