"""A worker that is killed in the middle of a bulk change: nothing is lost and nothing is done twice."""

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import Count

from scenes import services
from scenes.bulk_tasks import wake_stuck_bulk_changes
from scenes.models import BulkChange, BulkState, Scene
from scenes.services import bulk, curating
from scenes.tests.test_worker import eventually, kill, start_worker  # noqa: F401 - the fixture is used by its name

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]
SCENES = 60_000


@pytest.fixture
def change(settings, start_worker) -> BulkChange:  # noqa: F811
    """An assignment of many scenes; a worker is told once the test's transaction is through."""
    services.sync_roles()
    carla, bea = User.objects.create_user("carla"), User.objects.create_user("bea")
    carla.groups.add(Group.objects.get(name="curator"))
    bea.groups.add(Group.objects.get(name="labeler"))
    Scene.objects.bulk_create((Scene(name=f"{number}", frame_count=1) for number in range(SCENES)), batch_size=5000)
    return curating.assign(scenes=Scene.objects.all(), labeler=bea, by=carla, reason="Everything")


def now(change: BulkChange) -> BulkChange:
    return BulkChange.objects.defer("scene_ids").get(pk=change.pk)


def test_kill_9_in_the_middle_loses_nothing_and_repeats_nothing(change, start_worker, settings):  # noqa: F811
    settings.INGEST_LEASE_SECONDS = 2
    first = start_worker()
    assert eventually(lambda: now(change).done >= 2 * bulk.AT_ONCE)
    kill(first)
    left = now(change)
    assert left.done < SCENES, "the worker was to die before it was through"
    start_worker()

    def done() -> bool:
        wake_stuck_bulk_changes()
        return now(change).state == BulkState.DONE

    assert eventually(done)
    ended = now(change)
    assert (ended.done, ended.changed, ended.skipped) == (SCENES, SCENES, {})
    assert Scene.objects.filter(labeler__username="bea").count() == SCENES
    rows = Scene.history.filter(bulk=change.pk).values_list("id").annotate(count=Count("history_id"))
    assert rows.count() == SCENES
    assert not rows.filter(count__gt=1).exists()
    assert set(Scene.history.filter(bulk=change.pk).values_list("door", flat=True).distinct()) == {change.door}
