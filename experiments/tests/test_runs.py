"""The life of runs: made once, guarded steps, silence, claims, and the data they train on."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments import services
from experiments.models import ENDED_RUN_STATUSES, Experiment, Run, RunStatus, RunTag
from experiments.selectors import lineage, training_runs_of
from experiments.tests.stories import a_batch, a_person, a_run, a_version
from experiments.wishes import EnvironmentWishes, InputWishes, RunWishes
from scenes.errors import ConflictError, DomainError, NotAllowedError, RefusedError, TooLargeError
from scenes.models import Scene

QUEUED, RUNNING, STALLED, COMPLETED, FAILED, KILLED = RunStatus
STEPS = {
    (QUEUED, RUNNING): {"start", "claim"},
    (QUEUED, KILLED): {"kill"},
    (RUNNING, STALLED): {"silence"},
    (RUNNING, QUEUED): {"silence", "give back"},
    (RUNNING, COMPLETED): {"complete"},
    (RUNNING, FAILED): {"fail", "silence"},
    (RUNNING, KILLED): {"kill"},
    (STALLED, RUNNING): {"beat", "log", "resume"},
    (STALLED, COMPLETED): {"complete"},
    (STALLED, FAILED): {"fail"},
    (STALLED, KILLED): {"kill"},
    (COMPLETED, RUNNING): {"resume"},
    (FAILED, RUNNING): {"resume"},
    (KILLED, RUNNING): {"resume"},
}


def silence(run):
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    services.sweep_silent_runs()


def claim_of(run):
    return Run.objects.get(pk=run.pk).claim


ACTIONS = {
    "start": lambda run, by: services.start_run(run=run, by=by),
    "claim": lambda run, by: services.claim_run(worker="w", by=by),
    "give back": lambda run, by: services.give_back(run=run, by=by, claim=claim_of(run)),
    "beat": lambda run, by: services.beat(run=run, by=by),
    "log": lambda run, by: services.record_metrics(run=run, batch=a_batch(), by=by),
    "silence": lambda run, by: silence(run),
    "complete": lambda run, by: services.finish_run(run=run, by=by, status=COMPLETED),
    "fail": lambda run, by: services.finish_run(run=run, by=by, status=FAILED, failure="Traceback"),
    "kill": lambda run, by: services.finish_run(run=run, by=by, status=KILLED),
    "resume": lambda run, by: services.resume_run(run=run, by=by),
    "archive": lambda run, by: services.archive_run(run=run, by=by),
    "restore": lambda run, by: services.restore_run(run=run, by=by),
}


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.sampled_from(sorted(ACTIONS)), min_size=1, max_size=15), queued=st.booleans())
def test_no_sequence_of_calls_leaves_the_machine(db, actions, queued):
    with transaction.atomic():
        by = a_person()
        run = a_run(by=by, queued=queued)
        for action in actions:
            before = Run.objects.get(pk=run.pk)
            try:
                with transaction.atomic():
                    ACTIONS[action](run, by)
            except DomainError:
                assert Run.objects.values().get(pk=run.pk) == Run.objects.filter(pk=before.pk).values().get()
            now = Run.objects.get(pk=run.pk)
            if now.status != before.status:
                assert action in STEPS[RunStatus(before.status), RunStatus(now.status)]
            newest = now.history.first()
            assert (newest.status, newest.archived_at) == (now.status, now.archived_at)
            assert (now.finished_at is not None) == (now.status in ENDED_RUN_STATUSES)
            assert not now.archived or now.ended
        transaction.set_rollback(True)


@pytest.mark.django_db
class TestTheSteps:
    def test_every_step_can_be_reached(self):
        by = a_person()
        run = a_run(by=by, queued=True)
        for action in (
            "claim",
            "give back",
            "start",
            "silence",
            "beat",
            "fail",
            "resume",
            "complete",
            "archive",
            "restore",
        ):
            ACTIONS[action](run, by)
        reasons = [row.history_change_reason for row in run.history.order_by("history_id")]
        assert reasons == [
            "Queued", "Claimed by w", "Given back", "Started", "No sign of life", "Heard of again", "Failed", "Resumed",
            "Completed", "Archived", "Restored",
        ]  # fmt: skip

    def test_the_same_end_again_changes_nothing_and_another_is_refused(self):
        run = a_run()
        services.finish_run(run=run, by=run.started_by, status=FAILED, failure="boom")
        rows = run.history.count()
        assert services.finish_run(run=run, by=run.started_by, status=FAILED).failure == "boom"
        assert run.history.count() == rows
        with pytest.raises(ConflictError, match="failed already"):
            services.finish_run(run=run, by=run.started_by, status=COMPLETED)

    def test_a_heartbeat_tells_an_ended_run_to_stop(self):
        run = a_run()
        services.finish_run(run=run, by=a_person("eve", "engineer"), status=KILLED)
        assert services.beat(run=run, by=run.started_by).status == KILLED

    def test_the_database_knows_no_other_status_and_no_end_without_a_time(self):
        run = a_run()
        for change in ({"status": "lost"}, {"status": "failed"}, {"finished_at": timezone.now()}, {"parent": run.pk}):
            with pytest.raises(IntegrityError), transaction.atomic():
                Run.objects.filter(pk=run.pk).update(**change)

    def test_an_end_never_comes_before_the_start(self):
        run = a_run()
        ended = services.finish_run(
            run=run, by=run.started_by, status=COMPLETED, finished_at=timezone.now() - timedelta(days=9)
        )
        assert ended.duration == timedelta()


@pytest.mark.django_db
class TestMaking:
    def test_keeps_what_it_was_told(self):
        scene = Scene.objects.create(name="a")
        a_version("Urban", train=[scene])
        parent = a_run()
        run = a_run(
            experiment="night", name="baseline", architecture="RandLA-Net", dataset="Urban@v1", commit="abc", seed=7,
            parameters={"lr": 0.1, "amp": True, "layers": [1, 2], "note": "x", "depth": None, "batch": "8"},
            tags={"night": "", "team": "p"}, diff="--- a\n+++ b\n", packages={"numpy": "2.4"}, parent=parent.pk,
            inputs=[InputWishes(name="kitti", digest="d", context="training", tags={"k": "v"})],
        )  # fmt: skip
        assert run.experiment.name == "night"
        assert {row.key: row.value for row in run.parameters.all()} == {
            "lr": 0.1, "amp": True, "layers": [1, 2], "note": "x", "depth": None, "batch": "8",
        }  # fmt: skip
        assert dict(run.parameters.exclude(number=None).values_list("key", "number")) == {"lr": 0.1, "batch": 8.0}
        assert dict(run.tags.values_list("key", "value")) == {"night": "", "team": "p"}
        assert (run.environment.diff, run.dirty, run.parent) == ("--- a\n+++ b\n", True, parent)
        assert run.inputs.get().tags == {"k": "v"}
        assert (str(run.dataset_version.dataset), run.train_splits) == ("Urban", ["train"])

    def test_the_same_request_with_one_key_is_one_run(self):
        wishes, by = RunWishes(name="a", parameters={"lr": 1}), a_person()
        first = services.create_run(wishes=wishes, by=by, idempotency_key="k")
        again = services.create_run(wishes=wishes, by=by, idempotency_key="k")
        assert (first.new, again.new, again.run) == (True, False, first.run)
        with pytest.raises(ConflictError, match="another request"):
            services.create_run(wishes=RunWishes(name="b"), by=by, idempotency_key="k")
        other = services.create_run(wishes=wishes, by=a_person("otto"), idempotency_key="k")
        assert other.run != first.run

    def test_one_refused_part_leaves_nothing(self):
        with pytest.raises(RefusedError, match=r"parameters"):
            a_run(experiment="fresh", parameters={"ok": 1, "bad\0": 2})
        assert not Run.objects.exists()
        assert not Experiment.objects.exists()

    @pytest.mark.parametrize(
        ("wishes", "words"),
        [
            ({"dataset": "Nope@v1"}, "Name@v2"),
            ({"dataset": "Urban@v9"}, "There are v1"),
            ({"dataset": "Urban@v1", "train_splits": ("night",)}, "no split 'night'"),
            ({"parent": 10**15}, "there is no run"),
            ({"name": "a\0b"}, "NUL"),
            ({"name": "\ud800"}, "surrogate"),
            ({"environment": {"a": "\0"}}, "NUL"),
        ],
    )
    def test_says_what_is_wrong(self, wishes, words):
        a_version("Urban")
        with pytest.raises(RefusedError, match=words):
            a_run(**wishes)

    def test_a_draft_is_no_data_to_train_on(self):
        a_version("Urban", state="draft")
        with pytest.raises(ConflictError, match="frozen"):
            a_run(dataset="Urban@v1")

    def test_an_archived_experiment_takes_no_new_runs(self):
        run = a_run(experiment="old")
        services.archive_experiment(experiment=run.experiment, by=run.started_by)
        with pytest.raises(ConflictError, match="archived"):
            a_run(experiment="old")

    def test_viewers_start_nothing(self):
        with pytest.raises(NotAllowedError):
            a_run(by=a_person("vic", "viewer"))


@pytest.mark.django_db
class TestWhoseRun:
    def test_a_trainer_writes_own_runs_only_and_an_engineer_all(self):
        run = a_run()
        for verb in (services.start_run, services.resume_run):
            with pytest.raises(NotAllowedError):
                verb(run=run, by=a_person("otto"))
        assert services.set_tags(run=run, tags={"a": "b"}, by=a_person("eve", "engineer")) is None

    def test_who_claimed_a_run_writes_it(self):
        run = a_run(by=a_person("eve", "engineer"), queued=True)
        otto = a_person("otto")
        claimed = services.claim_run(worker="node-1", by=otto)
        services.record_metrics(run=run, batch=a_batch(), by=otto, claim=claimed.claim)
        with pytest.raises(NotAllowedError):
            services.record_metrics(run=run, batch=a_batch(), by=a_person("tom"))


@pytest.mark.django_db
class TestParametersAndTags:
    def test_a_parameter_is_written_once(self):
        run = a_run(parameters={"lr": 0.1})
        assert services.record_parameters(run=run, parameters={"lr": 0.1, "new": 1}, by=run.started_by) == 1
        with pytest.raises(ConflictError, match=r"parameters\.lr is '0\.1'"):
            services.record_parameters(run=run, parameters={"lr": 0.2, "newer": 1}, by=run.started_by)
        assert not run.parameters.filter(key="newer").exists()

    def test_tags_change_and_go_with_their_history(self):
        run = a_run(tags={"a": "1"})
        services.change_tags(run=run, tags={"a": "2", "b": ""}, remove=["none"], by=run.started_by)
        services.remove_tags(run=run, keys=["a"], by=run.started_by)
        assert dict(run.tags.values_list("key", "value")) == {"b": ""}
        rows = RunTag.history.filter(key="a").order_by("history_id").values_list("history_type", "value")
        assert list(rows) == [("+", "1"), ("~", "2"), ("-", "2")]

    def test_long_values_are_too_large(self):
        with pytest.raises(TooLargeError, match=r"parameters\.p"):
            a_run(parameters={"p": "x" * 6001})

    def test_a_worker_notes_where_it_runs(self):
        run = a_run(packages={"numpy": "1"})
        services.record_environment(run=run, wishes=EnvironmentWishes(host="node-1", diff="+x"), by=run.started_by)
        run = Run.objects.get(pk=run.pk)
        assert (run.host, run.dirty, run.environment.packages) == ("node-1", True, {"numpy": "1"})


@pytest.mark.django_db
class TestClaims:
    def test_go_in_the_order_of_waiting_and_leave_archived_ones(self):
        eve = a_person("eve", "engineer")
        first, second = a_run(by=eve, queued=True), a_run(by=eve, queued=True, experiment="other")
        assert services.claim_run(worker="w", by=eve, experiment="other") == second
        assert services.claim_run(worker="w", by=eve) == first
        assert services.claim_run(worker="w", by=eve) is None

    def test_a_dead_worker_gives_its_run_back_and_is_no_longer_heard(self):
        eve = a_person("eve", "engineer")
        run = a_run(by=eve, queued=True)
        old = services.claim_run(worker="w1", by=eve).claim
        silence(run)
        assert Run.objects.get(pk=run.pk).status == QUEUED
        new = services.claim_run(worker="w2", by=eve)
        assert (new.pk, new.attempts) == (run.pk, 2)
        with pytest.raises(ConflictError, match="another worker"):
            services.beat(run=run, by=eve, claim=old)

    def test_an_end_that_is_said_again_by_its_worker_changes_nothing(self):
        eve = a_person("eve", "engineer")
        run = a_run(by=eve, queued=True)
        claim = services.claim_run(worker="w1", by=eve).claim
        with pytest.raises(ConflictError, match="another worker"):
            services.finish_run(run=run, by=eve, status="completed", claim="somebody else's")
        ended = [services.finish_run(run=run, by=eve, status="completed", claim=claim) for _ in range(2)]
        assert ended[0].finished_at == ended[1].finished_at
        assert run.history.count() == Run.objects.get(pk=run.pk).history.filter(status="completed").count() + 2

    def test_a_run_that_kills_its_workers_fails(self, settings):
        settings.RUN_MAX_ATTEMPTS = 2
        eve = a_person("eve", "engineer")
        run = a_run(by=eve, queued=True)
        for worker in ("w1", "w2"):
            services.claim_run(worker=worker, by=eve)
            silence(run)
        run = Run.objects.get(pk=run.pk)
        assert (run.status, run.failure) == (
            FAILED,
            "2 workers claimed this run and fell silent, the last one being w2.",
        )


@pytest.mark.django_db
class TestTheData:
    def test_training_scenes_are_marked_as_used_and_others_not(self):
        train, val = Scene.objects.create(name="t"), Scene.objects.create(name="v")
        a_version("Urban", train=[train], val=[val])
        run = a_run(dataset="Urban@v1")
        assert dict(Scene.objects.values_list("name", "used_in_training")) == {"t": True, "v": False}
        uses = training_runs_of([train.pk, val.pk])
        assert [(use.run, use.split, use.trained, use.validated) for use in uses[train.pk]] == [
            (run, "train", True, False)
        ]
        assert [(use.split, use.trained, use.validated) for use in uses[val.pk]] == [("val", False, True)]

    def test_runs_of_many_scenes_take_two_queries(self, django_assert_num_queries):
        scenes = [Scene.objects.create(name=str(number)) for number in range(5)]
        a_version("Urban", train=scenes)
        for _ in range(3):
            a_run(dataset="Urban@v1")
        with django_assert_num_queries(2):
            uses = training_runs_of([scene.pk for scene in scenes])
        assert [len(found) for found in uses.values()] == [3] * 5

    def test_a_run_has_one_dataset(self):
        scene = Scene.objects.create(name="t")
        first, second = a_version("Urban", train=[scene]), a_version("Urban", train=[scene])
        run = a_run(dataset="Urban@v1")
        services.use_dataset(run=run, version=first, by=run.started_by)
        with pytest.raises(ConflictError, match="dataset already"):
            services.use_dataset(run=run, version=second, by=run.started_by)

    def test_lineage_goes_back_over_resumed_runs(self):
        first = a_run()
        second = a_run(resumed_from=first.pk)
        third = a_run(resumed_from=second.pk)
        assert lineage(third) == [second, first]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
class TestTwoAtOnce:
    def at_once(self, *calls):
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

    def test_one_key_makes_one_run(self):
        by, wishes = a_person(), RunWishes(name="same", experiment="new")
        made = self.at_once(*[lambda: services.create_run(wishes=wishes, by=by, idempotency_key="k")] * 3)
        assert len({one.run.pk for one in made}) == 1
        assert sorted(one.new for one in made) == [False, False, True]

    def test_two_writers_of_one_run_lose_nothing(self):
        run = a_run()
        keys = [("a", "b"), ("b", "a")]
        calls = [
            lambda order=order: [
                services.record_metrics(run=run, batch=a_batch(key, steps=range(200)), by=run.started_by)
                for key in order
            ]
            for order in keys
        ]
        results = self.at_once(*calls)
        assert sum(told.added for result in results for told in result) == 400
        assert set(run.metrics.values_list("count", flat=True)) == {200}

    def test_two_workers_claim_two_runs(self):
        eve = User.objects.get(pk=a_person("eve", "engineer").pk)
        runs = {a_run(by=eve, queued=True), a_run(by=eve, queued=True)}
        claimed = self.at_once(*[lambda: services.claim_run(worker="w", by=eve)] * 2)
        assert set(claimed) == runs
