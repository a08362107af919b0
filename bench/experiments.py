"""How fast runs are logged and read, against COPY and the disk.

    python -m bench.experiments [--points 100000] [--history 200000] [--overlay 4000] [--artifact 128] [--rows 1000000]

A throw-away site is run by the web server of `make demo`. Four clients, each a process with a run of its own, log
batches of 1,000 points through HTTP; beside it the same points go by COPY into an equal table. A series of `--history`
points is read raw and as a chart, 50 runs of `--overlay` points are laid over each other, and an artifact of
`--artifact` MB goes up and comes down while the memory of the web server is watched. Then `--rows` further points of
other runs are put beside, and logging, charts and overlay are measured again.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
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

from bench.figures import Figure, arguments, at_least, at_most, report
from bench.installation import throw_away_installation

CLIENTS, BATCH, OVERLAID = 4, 1000, 50
IDLE_SPEED, CHART_MS, OVERLAY_MS, RAW_SECONDS_PER_MILLION, MEMORY_MB = 60_000.0, 100.0, 300.0, 5.0, 64.0
CALL_US = 50.0
GROWTH = 1.5


@contextmanager
def web_server() -> Iterator[tuple[str, int]]:
    """The address and process id of a web server with two workers, as the demo runs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "2", "--blocking-threads", "4", "--no-ws", "--log-level", "error", "lamm.wsgi:application"),
    ]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}/api", process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its database goes with it
        process.wait()


def wait_for(port: int, seconds: float = 180) -> None:
    """Until the web server takes connections; a busy machine needs its time."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("The web server does not answer.")


def memory_mb(process: int) -> float:
    """The resident memory of a process and its children, in MB."""
    pids = [process, *map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())]
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def make_person() -> str:
    """An engineer's token."""
    from django.contrib.auth.models import Group, User

    from scenes import services
    from scenes.models import TokenScope

    person = User.objects.create_user("bench")
    person.groups.add(Group.objects.get(name="engineer"))
    return services.make_token(by=person, name="bench", days=7, scope=TokenScope.WRITE)[1]


def client_of(address: str, token: str) -> Any:
    import httpx

    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=600)


def new_run(client: Any) -> int:
    answer = client.post("/runs/", json={"experiment": "bench"})
    answer.raise_for_status()
    return int(answer.json()["id"])


def bodies(points: int) -> list[bytes]:
    """Batches of 1,000 rows over ten keys, as a training loop sends them."""
    made = []
    for first in range(0, points, BATCH):
        rows = [
            {"key": f"metric/{place % 10}", "value": place * 0.001, "step": place // 10, "timestamp": 10**12 + place}
            for place in range(first, first + BATCH)
        ]
        made.append(json.dumps({"metrics": rows}).encode())
    return made


def log_points(address: str, token: str, points: int, ready: Any, go: Any) -> None:
    """One client: makes a run and its bodies, waits for the others, and sends."""
    with client_of(address, token) as client:
        run, batches = new_run(client), bodies(points)
        ready.release()
        go.wait()
        for body in batches:
            client.post(f"/runs/{run}/metrics/", content=body).raise_for_status()


def ingest_speed(address: str, token: str, points: int) -> float:
    """Points a second of four clients at once."""
    context = multiprocessing.get_context("spawn")
    ready, go = context.Semaphore(0), context.Event()
    share = max(BATCH, points // CLIENTS)
    clients = [context.Process(target=log_points, args=(address, token, share, ready, go)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for _ in clients:
        ready.acquire(timeout=120)
    started = time.perf_counter()
    go.set()
    for client in clients:
        client.join()
    if any(client.exitcode for client in clients):
        raise SystemExit("A client failed.")
    return share * CLIENTS / (time.perf_counter() - started)


def copy_speed(points: int) -> float:
    """Points a second by COPY into a table like that of the points, in batches of 1,000, each committed."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_points (LIKE experiments_metricpoint INCLUDING ALL)")
        started = time.perf_counter()
        for first in range(0, points, BATCH):
            with cursor.copy("COPY bench_points (series_id, step, timestamp, value) FROM STDIN") as copy:
                for place in range(first, first + BATCH):
                    copy.write_row((place % 10, place // 10, 10**12 + place, place * 0.001))
        taken = time.perf_counter() - started
        cursor.execute("DROP TABLE bench_points")
    return points / taken


def single_log_ms(client: Any, run: int, calls: int = 100) -> float:
    """The median of a call with one point."""

    def log(place: int) -> None:
        point = {"key": "single", "value": 0.5, "step": place, "timestamp": place}
        client.post(f"/runs/{run}/metrics/", json={"metrics": [point]}).raise_for_status()

    return statistics.median(timed(lambda place=place: log(place)) for place in range(calls)) * 1000  # type: ignore[misc]


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def client_log(address: str, token: str, calls: int) -> tuple[float, float]:
    """Microseconds that `run.log` of lamm_client holds a training loop up, on the average with what goes on beside it;
    and points a second until all have arrived.
    """
    sys.path.insert(0, str(Path(__file__).parents[1] / "client"))
    from lamm_client import runs
    from lamm_client.transport import Transport

    with runs.start_run(Transport(address.removesuffix("/api"), token), experiment="bench", capture=False) as run:

        def log() -> None:
            for step in range(calls):
                run.log({"loss": step * 0.001}, step=step)

        taken = timed(log)
        arrived = timed(run.flush)
    return taken / calls * 1e6, calls / (taken + arrived)


def send_series(client: Any, run: int, points: int) -> None:
    """A long series, by columns."""
    import numpy as np

    values = np.random.default_rng(run).normal(0, 1, points).cumsum()
    for first in range(0, points, 50_000):
        steps = list(range(first, min(first + 50_000, points)))
        one = {
            "key": "loss",
            "values": values[steps].tolist(),
            "steps": steps,
            "timestamps": [10**12 + s for s in steps],
        }
        client.post(f"/runs/{run}/metrics/", json={"series": [one]}).raise_for_status()


def chart_ms(client: Any, runs: list[int], calls: int = 7) -> float:
    """The median of a chart of the whole range, with JSON and the way over the wire."""
    address = "/metrics/chart/?key=loss&points=1000&" + "&".join(f"run={run}" for run in runs)

    def read() -> None:
        answer = client.get(address)
        answer.raise_for_status()
        if len(answer.json()["curves"]) != len(runs):
            raise SystemExit("A curve is missing.")

    return statistics.median(timed(read) for _ in range(calls)) * 1000


def raw_seconds(client: Any, run: int, points: int) -> float:
    """Every point of a series, streamed and parsed."""

    def read() -> None:
        with client.stream("GET", f"/metrics/history/?run={run}&key=loss") as answer:
            found = sum(len(json.loads(line)["step"]) for line in answer.iter_lines())
        if found != points:
            raise SystemExit(f"{found} of {points} points came.")

    return timed(read)


def artifact_figures(client: Any, run: int, megabytes: int, process: int) -> list[Figure]:
    """A large artifact up and down; how much the web server's memory grew at most."""
    block = os.urandom(1024**2)
    before, most = memory_mb(process), [0.0]

    def blocks() -> Iterator[bytes]:
        for place in range(megabytes):
            if place % 16 == 0:
                most[0] = max(most[0], memory_mb(process))
            yield block

    def up() -> None:
        length = {"Content-Length": str(megabytes * 1024**2)}
        client.put(f"/runs/{run}/artifacts/big.bin", content=blocks(), headers=length).raise_for_status()

    def down() -> None:
        with client.stream("GET", f"/runs/{run}/artifacts/big.bin") as answer:
            for place, _ in enumerate(answer.iter_raw(1024**2)):
                if place % 16 == 0:
                    most[0] = max(most[0], memory_mb(process))

    sent, read = timed(up), timed(down)
    return [
        at_most(f"memory beside {megabytes} MB", max(most[0] - before, 0.1), "MB", MEMORY_MB, 1),
        at_least("artifact up", megabytes / sent, "MB/s", 20, 1),
        at_least("artifact down", megabytes / read, "MB/s", 50, 1),
    ]


def add_rows(rows: int) -> None:
    """Points of other runs beside: series of 10,000 points each, with summaries and buckets."""
    import numpy as np
    from django.contrib.auth.models import User

    from experiments import services
    from experiments.wishes import RunWishes

    by = User.objects.get(username="bench")
    steps = np.arange(10_000)
    for number in range(rows // 10_000):
        if number % 10 == 0:
            run = services.create_run(wishes=RunWishes(experiment="beside"), by=by).run
        batch = services.MetricBatch(
            [f"key/{number % 10}"],
            np.zeros(len(steps), np.int64),
            steps,
            10**12 + steps,
            np.sin(steps / 100 + number),
            np.full(len(steps), np.nan),
        )
        services.record_metrics(run=run, batch=batch, by=by)


def point_bytes() -> float:
    """Bytes on the disk for each point, with index, summaries and buckets."""
    from django.db import connection

    tables = ("metricpoint", "metricbucket", "metricseries")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE experiments_metricpoint, experiments_metricbucket, experiments_metricseries")
        cursor.execute("SELECT count(*) FROM experiments_metricpoint")
        points = cursor.fetchone()[0]
        cursor.execute(
            f"SELECT {'+'.join(f'pg_total_relation_size({t!r})' for t in [f'experiments_{n}' for n in tables])}"
        )
        return float(cursor.fetchone()[0] / points)


def measure(options: Any) -> list[Figure]:
    token = make_person()
    with web_server() as (address, process), client_of(address, token) as client:
        long_run = new_run(client)
        overlaid = [new_run(client) for _ in range(OVERLAID)]
        send_series(client, long_run, options.history)
        for run in overlaid:
            send_series(client, run, options.overlay)
        single = single_log_ms(client, long_run)
        call, client_speed = client_log(address, token, options.points)
        limit = copy_speed(options.points)
        speed = ingest_speed(address, token, options.points)
        chart, overlay = chart_ms(client, [long_run]), chart_ms(client, overlaid)
        raw = raw_seconds(client, long_run, options.history)
        figures = [
            at_least("logged by 4 clients", speed, "points/s", limit, 0.25),
            at_least("the same, for an idle machine", speed, "points/s", IDLE_SPEED, 1),
            at_most("one point a call", single, "ms", 20, 1),
            at_most("run.log of the client", call, "us", CALL_US, 1),
            at_least("one client, until it has arrived", client_speed, "points/s", speed, 0.25),
            at_most(f"{options.history:,} points raw", raw, "s", RAW_SECONDS_PER_MILLION * options.history / 1e6, 1),
            at_most(f"{options.history:,} points as a chart", chart, "ms", CHART_MS, 1),
            at_most(f"{OVERLAID} runs x {options.overlay:,}", overlay, "ms", OVERLAY_MS, 1),
            *artifact_figures(client, long_run, options.artifact, process),
        ]
        add_rows(options.rows)
        bytes_each = point_bytes()
        return [
            *figures,
            at_most("a point on the disk", bytes_each, "bytes", 171, 1),
            at_least(
                "logging beside more rows", ingest_speed(address, token, options.points), "points/s", speed, 1 / GROWTH
            ),
            at_most("one point beside more rows", single_log_ms(client, new_run(client)), "ms", single, GROWTH),
            at_most("chart beside more rows", chart_ms(client, [long_run]), "ms", chart, GROWTH),
            at_most("overlay beside more rows", chart_ms(client, overlaid), "ms", overlay, GROWTH),
        ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--points", type=int, default=100_000, help="logged by four clients together")
    parser.add_argument("--history", type=int, default=200_000, help="points of one long series")
    parser.add_argument("--overlay", type=int, default=4_000, help="points of each of 50 runs")
    parser.add_argument("--artifact", type=int, default=128, help="MB")
    parser.add_argument("--rows", type=int, default=1_000_000, help="points of other runs, put beside")
    options = parser.parse_args()
    with throw_away_installation() as folder:
        os.environ["LAMM_SPOOL"] = f"{folder}/spool"
        logging.getLogger("httpx").setLevel(logging.WARNING)
        figures = measure(options)
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
