"""The labelling workflow under any sequence of calls, and under two people at once."""

from threading import Barrier, Thread

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes import services
from scenes.errors import ConflictError, DomainError
from scenes.models import LabelingStatus, Scene
from scenes.tests.workflows import a_person, a_plain_scene, in_review, new_labels

UNLABELED, IN_PROGRESS, IN_REVIEW, LABELED = LabelingStatus


@pytest.fixture
def people(db):
    return {
        "lara": a_person("lara", "labeler"),
        "leo": a_person("leo", "labeler"),
        "rita": a_person("rita", "reviewer"),
        "carl": a_person("carl", "curator", "labeler"),
    }


@pytest.fixture
def scene(db):
    return a_plain_scene()


ACTIONS = {
    "assign lara": ("carl", "assign", {"labeler": "lara"}),
    "assign carl": ("carl", "assign", {"labeler": "carl"}),
    "unassign": ("carl", "unassign", {}),
    "give back": ("lara", "unassign", {}),
    "take": ("lara", "take", {}),
    "take carl": ("carl", "take", {}),
    "take rita": ("rita", "take", {}),
    "submit": ("lara", "submit", {}),
    "submit carl": ("carl", "submit", {"without_labels": "right"}),
    "accept": ("rita", "accept", {}),
    "accept carl": ("carl", "accept", {}),
    "accept lara": ("lara", "accept", {}),
    "send back": ("rita", "send_back", {"reason": "again"}),
    "send back carl": ("carl", "send_back", {"reason": "again"}),
    "reopen": ("carl", "reopen", {"reason": "again"}),
    "reopen lara": ("lara", "reopen", {"reason": "again"}),
    "labels": ("lara", "new_labels", {}),
    "labels carl": ("carl", "new_labels", {}),
}
STEPS = {
    (UNLABELED, IN_PROGRESS): {"take"},
    (IN_PROGRESS, UNLABELED): {"unassign"},
    (IN_PROGRESS, IN_REVIEW): {"submit"},
    (IN_REVIEW, LABELED): {"accept"},
    (IN_REVIEW, IN_PROGRESS): {"send_back"},
    (LABELED, IN_PROGRESS): {"reopen"},
}


def do(scene, action, people) -> str:
    """Try the action; its verb when it was done, nothing when it was refused."""
    who, verb, wishes = ACTIONS[action]
    wishes = {name: people.get(value, value) for name, value in wishes.items()}
    try:
        with transaction.atomic():
            if verb == "new_labels":
                Scene.objects.get(pk=scene.pk).refuse_when_locked()
                new_labels(scene, by=people[who])
            else:
                getattr(services, verb)(scene=scene, by=people[who], **wishes)
    except DomainError:
        return ""
    return verb


def check_invariants(scene):
    scene.refresh_from_db()
    changes = list(scene.status_changes.order_by("id"))
    assert [change.to_status for change in changes[:-1]] == [change.from_status for change in changes[1:]]
    assert scene.status == (changes[-1].to_status if changes else UNLABELED)
    assert scene.locked == (scene.status == LABELED)
    assert scene.labeler_id or scene.status == UNLABELED
    assert scene.reviewer_id is None or scene.reviewer_id != scene.labeler_id
    assert scene.label_sets.exists() or scene.status in (UNLABELED, IN_PROGRESS)
    newest = scene.history.first()
    assert (newest.status, newest.labeler_id, newest.locked) == (scene.status, scene.labeler_id, scene.locked)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.sampled_from(sorted(ACTIONS)), min_size=1, max_size=25))
def test_no_sequence_of_calls_leaves_the_machine(people, actions):
    with transaction.atomic():
        scene = a_plain_scene()
        for action in actions:
            before = Scene.objects.get(pk=scene.pk)
            done = do(scene, action, people)
            check_invariants(scene)
            if scene.status != before.status:
                assert done in STEPS[before.status, scene.status]
            if not done:
                assert (scene.status, scene.labeler_id) == (before.status, before.labeler_id)
        transaction.set_rollback(True)


def test_every_step_can_be_reached(people, scene):
    """The walk above would hold for a machine that refuses everything."""
    done = [do(scene, action, people) for action in (
        "assign lara", "take", "give back", "take", "labels", "submit", "send back", "labels", "submit", "accept",
        "reopen",
    )]  # fmt: skip
    assert "" not in done
    seen = {(change.from_status, change.to_status) for change in scene.status_changes.all()}
    assert seen == set(STEPS)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
class TestTwoAtOnce:
    def at_once(self, *calls):
        """Run the calls in threads that start together; what each returned or raised."""
        barrier, results = Barrier(len(calls)), [None] * len(calls)

        def run(number, call):
            barrier.wait(timeout=10)
            try:
                results[number] = call()
            except DomainError as error:
                results[number] = error
            finally:
                connection.close()

        threads = [Thread(target=run, args=pair) for pair in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        return results

    def test_two_reviewers_decide_at_once(self, people, scene):
        in_review(scene, people["lara"])
        results = self.at_once(
            lambda: services.accept(scene=scene, by=people["rita"]),
            lambda: services.send_back(scene=scene, by=people["carl"], reason="again"),
        )
        errors = [result for result in results if isinstance(result, DomainError)]
        assert len(errors) == 1
        assert isinstance(errors[0], ConflictError)
        scene.refresh_from_db()
        winner = next(result for result in results if isinstance(result, Scene))
        assert (scene.status, scene.reviewer) == (winner.status, winner.reviewer)
        assert scene.status_changes.filter(from_status=IN_REVIEW).count() == 1

    def test_two_labelers_take_the_next_scene_at_once(self, people):
        for name in ("a", "b"):
            a_plain_scene(name)
        results = self.at_once(
            lambda: services.take_next(by=people["lara"]), lambda: services.take_next(by=people["leo"])
        )
        assert {result.name for result in results} == {"a", "b"}
