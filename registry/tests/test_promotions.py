"""Promotions: another person's decision, who was in Production when, and two at once."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from experiments.tests.stories import a_person
from registry import selectors, services
from registry.models import ModelVersion, PromotionRequest, RequestState, StageTransition
from registry.tests.stories import (
    DEVELOPMENT,
    PRODUCTION,
    STAGING,
    a_trained_run,
    a_version,
    a_world,
    ask,
    now,
    promote,
    stages,
)
from scenes.errors import ConflictError, DomainError, NotAllowedError, RefusedError

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return a_world()


class TestDeciding:
    def test_another_person_approves_and_the_version_is_in_production(self, world):
        version = a_version(world)
        request = services.approve(request=ask(world, version, note="Better at night."), by=world.approver)
        assert (request.state, request.decided_by, now(version).stage) == ("approved", world.approver, PRODUCTION)
        moves = StageTransition.objects.order_by("id").values_list("from_stage", "to_stage", "move", "person__username")
        assert list(moves) == [
            ("", "development", "registered", "erik"),
            ("development", "production", "promoted", "anna"),
        ]

    def test_nobody_approves_what_they_asked_for(self, world):
        both = a_person("bea", "engineer")
        both.groups.add(*world.approver.groups.all())
        request = services.request_promotion(version=a_version(world), by=both)
        with pytest.raises(NotAllowedError, match="another approver"):
            services.approve(request=request, by=both)
        with pytest.raises(NotAllowedError, match="another approver"):
            services.refuse(request=request, by=both, reason="no")
        facts = {"state": "approved", "decided_by": both, "decided_at": timezone.now()}
        with pytest.raises(IntegrityError, match="decided_by_another_person"), transaction.atomic():
            PromotionRequest.objects.filter(pk=request.pk).update(**facts)

    def test_engineers_do_not_approve_and_approvers_do_not_ask(self, world):
        request = ask(world, a_version(world))
        with pytest.raises(NotAllowedError, match="Ask an approver"):
            services.approve(request=request, by=a_person("eva", "engineer"))
        with pytest.raises(NotAllowedError, match="Ask an engineer"):
            services.request_promotion(version=a_version(world), by=world.approver)

    def test_a_refusal_needs_a_reason_and_is_final(self, world):
        request = ask(world, a_version(world))
        with pytest.raises(RefusedError, match="Say why"):
            services.refuse(request=request, by=world.approver, reason="  ")
        services.refuse(request=request, by=world.approver, reason="Not at night.")
        with pytest.raises(ConflictError, match="was refused by anna meanwhile"):
            services.approve(request=request, by=world.other)
        with pytest.raises(IntegrityError, match="was decided"), transaction.atomic():
            PromotionRequest.objects.filter(pk=request.pk).update(state="approved", reason="")

    def test_whoever_asked_alone_withdraws(self, world):
        request = ask(world, a_version(world))
        with pytest.raises(NotAllowedError, match="erik asked"):
            services.withdraw(request=request, by=a_person("eva", "engineer"))
        assert services.withdraw(request=request, by=world.engineer).state == RequestState.WITHDRAWN

    def test_a_target_is_asked_for_once(self, world):
        version = a_version(world)
        ask(world, version)
        with pytest.raises(ConflictError, match="erik has asked to promote"):
            ask(world, version)
        services.approve(request=ask(world, version, target="staging"), by=world.approver)
        with pytest.raises(ConflictError, match="is in Staging already"):
            ask(world, version, target="staging")
        with pytest.raises(RefusedError, match="staging or production"):
            ask(world, version, target="development")

    def test_everything_is_in_the_history(self, world):
        request = ask(world, a_version(world))
        services.approve(request=request, by=world.approver, reason="Fine.")
        told = request.history.order_by("history_id").values_list("history_change_reason", "history_user__username")
        assert list(told) == [
            ("Asked for Production", "erik"),
            ("Gates checked", "erik"),
            ("Gates checked", "anna"),
            ("Approved: Fine.", "anna"),
        ]


class TestProduction:
    def test_the_version_before_steps_back_to_staging(self, world):
        first, second = promote(world, a_version(world)), promote(world, a_version(world))
        assert stages(first) == {"v1": STAGING, "v2": PRODUCTION}
        assert second.transitions.latest("id").at == first.transitions.latest("id").at

    def test_who_was_in_production_at_a_time(self, world):
        started = timezone.now()
        first = promote(world, a_version(world))
        between = timezone.now()
        second = promote(world, a_version(world))
        model = first.model
        assert selectors.in_production_at(model, started) is None
        assert selectors.in_production_at(model, between) == first
        assert selectors.in_production_at(model, timezone.now()) == second
        services.step_down(version=second, by=world.approver, reason="Fog.")
        assert selectors.in_production_at(model, timezone.now() + timedelta(days=1)) is None

    def test_rolling_back_goes_one_step_each_time(self, world):
        versions = [promote(world, a_version(world)) for _ in range(3)]
        model = versions[0].model
        assert services.roll_back(model=model, by=world.approver, reason="Ghosts in rain.") == versions[1]
        assert stages(versions[0]) == {"v1": STAGING, "v2": PRODUCTION, "v3": STAGING}
        assert services.roll_back(model=model, by=world.approver, reason="Still.") == versions[0]
        with pytest.raises(ConflictError, match="none to go back to"):
            services.roll_back(model=model, by=world.approver, reason="Again.")
        reasons = StageTransition.objects.filter(move="rolled_back").values_list("version__label", "reason")
        assert list(reasons.order_by("id")) == [("v3", "Ghosts in rain."), ("v2", "Still.")]

    def test_rolling_back_needs_a_reason_an_approver_and_what_was_seen(self, world):
        first, second = promote(world, a_version(world)), promote(world, a_version(world))
        with pytest.raises(RefusedError, match="Say why"):
            services.roll_back(model=first.model, by=world.approver, reason="")
        with pytest.raises(NotAllowedError):
            services.roll_back(model=first.model, by=world.engineer, reason="so")
        with pytest.raises(ConflictError, match="v2 is in Production by now"):
            services.roll_back(model=first.model, by=world.approver, reason="so", seen=first.pk)
        assert now(second).stage == PRODUCTION

    def test_a_version_that_stepped_down_is_not_gone_back_to(self, world):
        first, second = promote(world, a_version(world)), promote(world, a_version(world))
        services.step_down(version=second, by=world.approver, reason="so")
        third = promote(world, a_version(world))
        assert selectors.production_stack(third.model) == [first.pk, third.pk]

    def test_an_engineer_takes_back_what_is_staged_only(self, world):
        version = promote(world, a_version(world))
        with pytest.raises(NotAllowedError, match="Ask an approver"):
            services.step_down(version=version, by=world.engineer, reason="so")
        services.step_down(version=version, by=world.approver, reason="so")
        services.step_down(version=version, by=world.engineer, reason="so")
        assert now(version).stage == DEVELOPMENT

    def test_the_database_knows_one_version_in_production(self, world):
        promote(world, a_version(world))
        second = a_version(world)
        with pytest.raises(IntegrityError, match="one_version_in_production"), transaction.atomic():
            ModelVersion.objects.filter(pk=second.pk).update(stage=PRODUCTION)

    def test_transitions_are_never_changed(self, world):
        a_version(world)
        with pytest.raises(IntegrityError, match="stays as it was"), transaction.atomic():
            StageTransition.objects.update(reason="other")

    def test_whoever_looked_at_another_production_looks_again(self, world):
        first, second = a_version(world), a_version(world)
        requests = ask(world, first), ask(world, second)
        services.approve(request=requests[0], by=world.approver)
        with pytest.raises(ConflictError, match="v1 is in Production by now"):
            services.approve(request=requests[1], by=world.other)
        services.check_gates(request=requests[1], by=world.other)
        services.approve(request=requests[1], by=world.other)
        assert stages(first) == {"v1": STAGING, "v2": PRODUCTION}


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

    def test_of_two_promotions_one_wins_and_the_other_is_told(self):
        world = a_world()
        first, second = ask(world, a_version(world)), ask(world, a_version(world))
        results = self.at_once(
            lambda: services.approve(request=first, by=world.approver),
            lambda: services.approve(request=second, by=world.other),
        )
        told = [one for one in results if isinstance(one, ConflictError)]
        assert len(told) == 1
        assert "is in Production by now" in str(told[0])
        assert ModelVersion.objects.filter(stage=PRODUCTION).count() == 1

    def test_two_people_decide_over_one_promotion_once(self):
        world = a_world()
        request = ask(world, a_version(world))
        results = self.at_once(
            lambda: services.approve(request=request, by=world.approver),
            lambda: services.refuse(request=request, by=world.other, reason="no"),
        )
        assert sorted(type(one).__name__ for one in results) == ["ConflictError", "PromotionRequest"]

    def test_two_who_register_at_once_make_two_versions_of_one_model(self):
        world = a_world()
        runs = [a_trained_run(world, weights=bytes([n])) for n in range(3)]
        calls = [lambda run=run: services.register_version(model="fresh", run=run, by=world.engineer) for run in runs]
        assert sorted(one.label for one in self.at_once(*calls)) == ["v1", "v2", "v3"]

    def test_an_alias_moved_by_two_points_at_one(self):
        world = a_world()
        versions = [a_version(world), a_version(world)]
        calls = [lambda v=v: services.set_alias(version=v, name="champion", by=world.engineer) for v in versions]
        assert len(self.at_once(*calls)) == 2
        assert selectors.resolve(f"{versions[0].model.name}@champion") in versions
        assert versions[0].model.aliases.count() == 1
