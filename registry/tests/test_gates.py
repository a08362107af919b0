"""Gates: what they measure, which evidence counts, what is waived."""

import pytest
from django.db import IntegrityError, transaction

from experiments.models import RunEvaluation
from experiments.tests.stories import a_person
from registry import selectors, services
from registry.models import GateKind, GateResult, Waiver
from registry.tests.stories import (
    DEVELOPMENT,
    a_gate,
    a_trained_run,
    a_version,
    a_world,
    ask,
    evaluate,
    now,
    promote,
)
from scenes.errors import ConflictError, NotAllowedError, RefusedError

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return a_world()


def last_results(request):
    request.refresh_from_db()
    return [verdict.result for verdict in selectors.verdicts([request])[request.pk]]


class TestGates:
    def test_a_gate_that_is_not_passed_stops_the_approval_and_says_what_it_measured(self, world):
        version = a_version(world, right=0.8)
        gate = a_gate(world, version, threshold=0.7)
        request = ask(world, version)
        with pytest.raises(ConflictError, match=r"mIoU is 0.667, at least 0.700 is asked for") as refused:
            services.approve(request=request, by=world.approver)
        assert refused.value.facts["gates"] == [gate.pk]
        assert now(version).stage == DEVELOPMENT
        assert [one.check_number for one in last_results(request)] == [2]
        assert GateResult.objects.count() == 2

    @pytest.mark.parametrize(("threshold", "passed"), [(0.5, True), (0.7, False)])
    def test_the_iou_of_a_class_in_a_slice(self, world, threshold, passed):
        version = a_version(world, right={"noon": 1.0, "night": 0.7})
        a_gate(world, version, threshold=threshold, slice_name="night", class_name="car", split="val")
        (result,) = last_results(ask(world, version))
        assert (result.passed, result.measured) == (passed, pytest.approx(0.7 / 1.3))

    @pytest.mark.parametrize(("confidence", "passed"), [(0.92, True), (0.99, False)])
    def test_the_greatest_ece(self, world, confidence, passed):
        run = a_trained_run(world)
        evaluate(run, world, right=0.9, confidence=confidence)
        version = services.register_version(model="sure", run=run, by=world.engineer)
        a_gate(world, version, GateKind.MAXIMUM_ECE, threshold=0.05)
        (result,) = last_results(ask(world, version))
        assert (result.passed, result.measured) == (passed, pytest.approx(abs(confidence - 0.9)))

    def test_without_confidence_there_is_no_ece(self, world):
        version = a_version(world)
        a_gate(world, version, GateKind.MAXIMUM_ECE, threshold=0.5)
        (result,) = last_results(ask(world, version))
        assert (result.passed, result.measured) == (False, None)
        assert "logged no confidence" in result.words

    @pytest.mark.parametrize(("right", "loss", "passed"), [(0.9, 0, True), (0.8, 0.2, True), (0.8, 0.1, False)])
    def test_no_regression_against_production(self, world, right, loss, passed):
        promote(world, a_version(world, right=0.9))
        version = a_version(world, right=right)
        a_gate(world, version, GateKind.NO_REGRESSION, threshold=loss)
        (result,) = last_results(ask(world, version))
        assert result.passed is passed
        assert "0.818 of v1 in Production" in result.words

    def test_no_regression_passes_while_nothing_is_in_production(self, world):
        version = a_version(world)
        a_gate(world, version, GateKind.NO_REGRESSION, threshold=0)
        assert [one.passed for one in last_results(ask(world, version))] == [True]

    def test_scenes_that_must_pass_are_each_looked_at(self, world):
        version = a_version(world, right={"noon": 0.9, "night": 0.5})
        both = [world.scenes["noon"].pk, world.scenes["night"].pk]
        a_gate(world, version, GateKind.MUST_PASS_SCENES, threshold=0.5, scenes=both)
        a_gate(world, version, GateKind.MUST_PASS_SCENES, threshold=0.3, scenes=both)
        strict, lenient = last_results(ask(world, version))
        assert "1 of 2 scenes do not reach 0.500: night (0.333)." in strict.words
        assert (strict.passed, lenient.passed) == (False, True)

    def test_a_must_pass_scene_that_was_not_evaluated_does_not_pass(self, world):
        version = a_version(world, right={"noon": 0.9})
        a_gate(world, version, GateKind.MUST_PASS_SCENES, threshold=0.1, scenes=[world.scenes["night"].pk])
        (result,) = last_results(ask(world, version))
        assert "night (not evaluated)" in result.words

    @pytest.mark.parametrize(
        ("evidence", "words", "contaminated"),
        [
            ({"contamination": "contaminated"}, "1 of its scenes and 1 of its drives were trained on", True),
            ({"contamination": "unknown"}, "nobody knows what", False),
            ({"outdated": "There are newer labels."}, "is outdated", False),
        ],
    )
    def test_evidence_that_does_not_count(self, world, evidence, words, contaminated):
        run = a_trained_run(world)
        evaluate(run, world, right=1.0, **evidence)
        version = services.register_version(model="m", run=run, by=world.engineer)
        a_gate(world, version, threshold=0.1)
        (result,) = last_results(ask(world, version))
        assert words in result.words
        assert (result.passed, result.measured, result.contaminated) == (False, None, contaminated)

    def test_a_run_that_was_not_evaluated_there_passes_nothing(self, world):
        version = services.register_version(model="m", run=a_trained_run(world), by=world.engineer)
        a_gate(world, version, threshold=0)
        (result,) = last_results(ask(world, version))
        assert "was not evaluated on Test@v1. Evaluate it there." in result.words

    def test_an_evaluation_that_comes_later_counts_at_the_next_check(self, world):
        run = a_trained_run(world)
        version = services.register_version(model="m", run=run, by=world.engineer)
        a_gate(world, version, threshold=0.5)
        request = ask(world, version)
        evaluate(run, world)
        services.check_gates(request=request, by=world.engineer)
        assert [one.passed for one in last_results(request)] == [True]
        assert RunEvaluation.objects.get().pk == last_results(request)[0].evidence["evaluation"]

    def test_a_retired_gate_asks_nothing_and_gates_never_change(self, world):
        version = a_version(world, right=0.5)
        gate = a_gate(world, version, threshold=0.9)
        with pytest.raises(IntegrityError, match="stays as it was"), transaction.atomic():
            type(gate).objects.filter(pk=gate.pk).update(threshold=0.1)
        services.retire_gate(gate=gate, by=world.approver)
        assert last_results(ask(world, version)) == []

    @pytest.mark.parametrize(
        ("wishes", "words"),
        [
            ({"slice_name": "snow"}, "no slice 'snow'. It has night"),
            ({"class_name": "boat"}, "no class 'boat'"),
            ({"threshold": 1.5}, "from 0 to 1"),
            ({"kind": "beauty"}, "'beauty' is unknown"),
            ({"kind": "must_pass_scenes"}, "Name the scenes"),
            ({"kind": "maximum_ece", "class_name": "car"}, "Leave the class empty"),
            ({"scenes": [1]}, "Only must-pass gates"),
            ({"kind": "must_pass_scenes", "scenes": [10**9]}, "has no scene 1000000000"),
        ],
    )
    def test_gates_that_ask_for_what_is_not_there_are_refused(self, world, wishes, words):
        with pytest.raises(RefusedError) as refused:
            a_gate(world, a_version(world), **wishes)
        assert words in str(refused.value)

    def test_engineers_do_not_choose_their_gates(self, world):
        version = a_version(world)
        with pytest.raises(NotAllowedError, match="Ask an approver"):
            services.add_gate(
                model=version.model,
                kind="minimum_iou",
                dataset_version=world.dataset,
                threshold=0.1,
                by=world.engineer,
            )


class TestWaivers:
    def test_a_waived_gate_lets_the_version_through_and_stays_beside_it(self, world):
        version = a_version(world, right=0.8)
        gate = a_gate(world, version, threshold=0.9)
        request = ask(world, version)
        services.waive_gate(request=request, gate=gate, by=world.engineer, reason="Labels of night are wrong.")
        services.approve(request=request, by=world.approver)
        request.refresh_from_db()
        (verdict,) = selectors.verdicts([request])[request.pk]
        assert (verdict.result.passed, verdict.settled, verdict.waiver.reason) == (
            False,
            True,
            "Labels of night are wrong.",
        )
        with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
            Waiver.objects.all().delete()

    def test_a_waiver_needs_a_reason_a_failed_gate_and_somebody_who_may(self, world):
        version = a_version(world, right=0.8)
        failed, passed = a_gate(world, version, threshold=0.9), a_gate(world, version, threshold=0.1)
        request = ask(world, version)
        with pytest.raises(RefusedError, match="Say why"):
            services.waive_gate(request=request, gate=failed, by=world.engineer, reason="")
        with pytest.raises(ConflictError, match="nothing to waive"):
            services.waive_gate(request=request, gate=passed, by=world.engineer, reason="so")
        with pytest.raises(NotAllowedError):
            services.waive_gate(request=request, gate=failed, by=a_person("vera", "viewer"), reason="so")
        services.waive_gate(request=request, gate=failed, by=world.approver, reason="so")
        with pytest.raises(ConflictError, match="waived by anna already"):
            services.waive_gate(request=request, gate=failed, by=world.engineer, reason="so")
