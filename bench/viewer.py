"""How fast the viewer gets what it draws, through the real web server on the loopback address.

    python -m bench.viewer [--points 120000] [--frames 10] [--big 600000] [--playback 20000] [--browser] [--json]

A scene of frames with three versions of labels, and a big cloud that is an octree, are made here, ingested by the
worker's code and served by granian with the permission check of every request. Geometry and three overlays of a frame
are fetched one after the other on one connection and decoded; the limit, in the same run: the same bytes as plain
files from a plain file server. Beside it: encoding a display chunk, the octree (bench/octree), index and first points
of the big cloud, and the playback of a scene of many frames. With --browser also what a person waits for on the page in
Chromium (bench/viewer_browser.py). Figures are medians.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench import octree, viewer_browser
from bench.figures import Figure, arguments, at_most, report
from bench.ingest import queue, work, write_frames
from bench.installation import throw_away_installation

VERSIONS = 3
PASSES = 7
FRAME_MS, ENCODE_MS, FIRST_POINTS_MS, PLAYBACK_MS = 100.0, 50.0, 500.0, 100.0


@contextmanager
def serving(*command: str) -> Iterator[int]:
    """A server process on a free port of the loopback address, as soon as it answers; `{port}` is filled in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    filled = [part.replace("{port}", str(port)) for part in command]
    process = subprocess.Popen(filled, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its workers, too
            process.wait()


class Browser:
    """One connection that stays open, logged in."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Cookie": cookie} if cookie else {}

    def get(self, address: str) -> bytes:
        try:
            answer = self._asked(address)
        except http.client.RemoteDisconnected:  # kept open for too long while something else was made
            self._connection.close()
            answer = self._asked(address)
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"GET {address} answers {answer.status}: {body[:300]!r}")
        return body

    def _asked(self, address: str) -> http.client.HTTPResponse:
        self._connection.request("GET", address, headers=self._headers)
        return self._connection.getresponse()


def logged_in() -> str:
    """The cookie of an administrator's session."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User

    person = User.objects.create_superuser("bench")
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def labelled_scene(folder: Path, frames: int, points: int) -> Any:
    """Ingested frames with three versions of labels."""
    from scenes import services
    from scenes.label_files import LabelFile
    from scenes.models import Scene

    paths = write_frames(folder, frames, points)
    work(queue(folder))
    scene = Scene.objects.get(name=folder.name)
    services.sync_shipped_ontologies(by=None)
    random = np.random.default_rng(7)
    for _ in range(VERSIONS):
        files = {
            path.name: LabelFile.of_bytes(random.choice([40, 50, 70], points).astype("<u4").tobytes(), name="labels")
            for path in paths
        }
        ontology = services.ontology_named("SemanticKITTI")
        services.add_label_set(scene=scene, ontology=ontology, kind="semantic-kitti", files=files, by=None)
    return scene


def playback_of(browser: Browser, scene: Any) -> Any:
    import msgspec

    return msgspec.json.decode(browser.get(f"/scenes/{scene.pk}/playback/"))


def frame_addresses(told: Any) -> list[list[str]]:
    """Per frame: its geometry and its three overlays."""
    return [
        [told["frames"]["display"][place]]
        + [
            source["url"].replace("{frame}", str(frame)).replace("{digest}", source["digests"][place])
            for source in told["sources"]
        ]
        for place, frame in enumerate(told["frames"]["id"])
    ]


def fetched(browser: Browser, addresses: list[str]) -> float:
    """Milliseconds until geometry and overlays are arrays."""
    from scenes.clouds import tiles

    started = time.perf_counter()
    chunk, *overlays = (browser.get(address) for address in addresses)
    positions, _ = tiles.decode(chunk)
    if any(len(np.frombuffer(overlay, np.uint8)) != len(positions) for overlay in overlays):
        raise SystemExit("An overlay does not fit its frame.")
    return (time.perf_counter() - started) * 1000


def frame_figures(browser: Browser, scene: Any, folder: Path) -> list[Figure]:
    """A frame with three overlays, against the same bytes as plain files."""
    frames = frame_addresses(playback_of(browser, scene))
    plain = folder / "plain"
    plain.mkdir()
    for number, addresses in enumerate(frames):
        for part, address in enumerate(addresses):
            (plain / f"{number}-{part}").write_bytes(browser.get(address))
    taken = statistics.median(fetched(browser, addresses) for addresses in frames)
    command = [sys.executable, "-m", "http.server", "--protocol", "HTTP/1.1", "--bind", "127.0.0.1"]
    with serving(*command, "--directory", str(plain), "{port}") as port:
        files = Browser(port)
        names = [[f"/{number}-{part}" for part in range(VERSIONS + 1)] for number in range(len(frames))]
        limit = statistics.median(fetched(files, addresses) for addresses in names * 2)
    return [
        at_most("geometry and three overlays", taken, "ms", FRAME_MS, 1),
        at_most("the same against plain files", taken, "ms", limit, 6),
    ]


def median_ms(task: Callable[[], object]) -> float:
    taken = []
    for _ in range(PASSES):
        started = time.perf_counter()
        task()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def encode_figure(path: Path) -> Figure:
    from scenes.clouds import pcd, tiles

    cloud = pcd.read(path.read_bytes())
    return at_most("encode of a display chunk", median_ms(lambda: tiles.encode(cloud)), "ms", ENCODE_MS, 1)


def first_points_figure(browser: Browser, folder: Path, points: int) -> Figure:
    """From asking for the index of a big cloud to the positions of its first points."""
    from scenes.clouds import octree_index
    from scenes.models import Scene

    write_frames(folder, 1, points)
    work(queue(folder))
    octree_addresses = playback_of(browser, Scene.objects.get(name=folder.name))["octrees"]["0"]

    def first_points() -> None:
        index = octree_index.read_index(browser.get(octree_addresses["index"]))
        length, nodes = index.first_request()
        data = browser.get(octree_addresses["nodes"].replace("{offset}", "0").replace("{length}", str(length)))
        for node in range(nodes):
            octree_index.node_positions(data, index, node)

    return at_most(f"first points of {points:,}", median_ms(first_points), "ms", FIRST_POINTS_MS, 1)


def playback_figure(browser: Browser, scene: Any, frames: int) -> Figure:
    """A scene of many frames with one version of labels; what the rows refer to is one stored frame."""
    from scenes.models import Frame, FrameLabels, LabelSet, Scene

    first = scene.frames.order_by("index").first()
    labels = FrameLabels.objects.filter(frame=first)[0]
    long = Scene.objects.create(name="long")
    kept = {name: getattr(first, name) for name in ("cloud", "display", "point_count", "finite_count", "state")}
    rows = (
        Frame(scene=long, index=index, name=f"{index:06d}.pcd", timestamp_ns=index * 10**8, **kept)
        for index in range(frames)
    )
    made = Frame.objects.bulk_create(rows, batch_size=5000)
    version = LabelSet.objects.create(
        scene=long, version=1, ontology=labels.label_set.ontology, kind="semantic-kitti", frame_count=frames
    )
    facts = {"label_set": version, "classes": labels.classes, "point_count": first.point_count}
    FrameLabels.objects.bulk_create((FrameLabels(frame=frame, **facts) for frame in made), batch_size=5000)
    playback_of(browser, long)
    taken = median_ms(lambda: browser.get(f"/scenes/{long.pk}/playback/"))
    return at_most(f"playback of {frames:,} frames", taken, "ms", PLAYBACK_MS * max(1.0, frames / 20_000), 1)


def measure(options: Any, folder: Path) -> list[Figure]:
    from scenes.models import Scene

    scene = labelled_scene(folder / "one", options.frames, options.points)
    cookie = logged_in()
    server = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}"]
    with serving(*server, "lamm.wsgi:application") as port:
        browser = Browser(port, cookie)
        figures = [
            *frame_figures(browser, scene, folder),
            encode_figure(next((folder / "one").glob("*.pcd"))),
            first_points_figure(browser, folder / "big", options.big),
            playback_figure(browser, scene, options.playback),
        ]
        if options.browser:
            big = Scene.objects.get(name="big")
            wanted = {"scene": scene, "frames": options.frames, "big": big, "points": options.big}
            figures += viewer_browser.measure(port, cookie, **wanted)
    return [*figures, *octree.measure(options.big)[0]]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--points", type=int, default=120_000)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--big", type=int, default=600_000, help="points of the cloud that is an octree")
    parser.add_argument("--playback", type=int, default=20_000, help="frames of the long scene")
    parser.add_argument("--browser", action="store_true", help="also on the page, in Chromium")
    options = parser.parse_args()
    with throw_away_installation(ingesting=True) as folder:
        figures = measure(options, folder)
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
