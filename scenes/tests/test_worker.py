"""A real worker process, killed in the middle of its work: nothing is lost and nothing is done twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection

from scenes.models import Frame, FrameState, IngestJob, IngestState
from scenes.tasks import wake_stuck_ingest_jobs
from scenes.tests.factories import a_drive_folder, a_queued_job

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]
PATIENCE_SECONDS = 90
LEASE_SECONDS = 2


def eventually(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def start_worker():
    """Starts worker processes on the test's database; kills what is left of them."""
    workers = []

    def start() -> subprocess.Popen:
        database = connection.settings_dict
        address = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
        environment = os.environ | {
            "DATABASE_URL": os.environ.get("LAMM_TEST_DATABASE_URL", address),
            "LAMM_INGEST_LEASE_SECONDS": str(LEASE_SECONDS),
            "LAMM_INGEST_BATCH_FRAMES": "2",
        }
        command = [sys.executable, "-m", "celery", "-A", "lamm", "worker", "--pool", "prefork", "-c", "1"]
        worker = subprocess.Popen(
            [*command, "-l", "WARNING"], env=environment, cwd=settings.BASE_DIR, start_new_session=True
        )
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        kill(worker)


def kill(worker: subprocess.Popen) -> None:
    """kill -9 of the worker and its children at once: no handler runs, nothing is cleaned up."""
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def ready_frames() -> int:
    return Frame.objects.filter(state=FrameState.READY).count()


def test_kill_9_in_the_middle_of_an_ingest_loses_nothing(tmp_path, start_worker, settings):
    settings.INGEST_LEASE_SECONDS = LEASE_SECONDS
    folder = a_drive_folder(tmp_path, frames=60, points=60_000)
    first = start_worker()
    job = a_queued_job(folder)
    assert eventually(lambda: ready_frames() >= 2)
    kill(first)
    done_before = ready_frames()
    assert done_before < 60, "the worker was to die before it was through"
    untouched = list(Frame.objects.filter(state=FrameState.READY).values("pk", "cloud", "display"))

    start_worker()

    def done() -> bool:
        wake_stuck_ingest_jobs()
        return IngestJob.objects.get(pk=job.pk).state == IngestState.DONE

    assert eventually(done)
    scene = IngestJob.objects.get(pk=job.pk).scene
    assert (scene.frame_count, scene.quarantined_count) == (60, 0)
    assert scene.thumbnail is not None
    kept = Frame.objects.filter(pk__in=[row["pk"] for row in untouched])
    assert list(kept.values("pk", "cloud", "display")) == untouched


def test_a_lost_message_is_made_good_by_the_sweep(tmp_path, start_worker, settings):
    settings.INGEST_LEASE_SECONDS = 0
    settings.INGEST_PARALLEL_TASKS = 0  # no message is sent at all
    job = a_queued_job(a_drive_folder(tmp_path, frames=2))
    start_worker()
    wake_stuck_ingest_jobs()
    assert eventually(lambda: IngestJob.objects.get(pk=job.pk).state == IngestState.DONE)
