"""Versions: registered from runs in one step, pinned for good, found by name."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from experiments import services as run_services
from experiments.models import Artifact
from experiments.tests.stories import a_batch, a_person
from registry import selectors, services
from registry.models import Alias, EnsembleMember, ModelVersion, RegisteredModel
from registry.services.registering import next_label
from registry.tests.stories import MODEL, a_trained_run, a_version, a_world, evaluate, log_artifact, now, promote
from scenes.errors import ConflictError, MissingError, NotAllowedError, RefusedError
from scenes.models import StoredFile
from scenes.references import unreferenced_files

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return a_world()


class TestRegistering:
    def test_a_run_and_a_name_are_enough(self, world):
        run = a_trained_run(world)
        evaluate(run, world, right=0.9, confidence=0.95)
        version = services.register_version(model=MODEL, run=run, by=world.engineer)
        assert (str(version), version.stage, version.number) == (f"{MODEL} v1", "development", 1)
        assert version.digest == run.artifacts.get().file.digest
        assert version.artifact_path == "checkpoints/best.pt"
        assert (version.ontology, version.dataset_version) == (world.ontology, world.dataset)
        assert version.miou == pytest.approx(0.9 / 1.1)
        assert version.ece == pytest.approx(0.05)
        assert version.contaminated is False

    def test_the_figures_are_kept_by_class_slice_and_split(self, world):
        run = a_trained_run(world)
        evaluation = evaluate(run, world, right={"noon": 1.0, "night": 0.5})
        metrics = services.register_version(model=MODEL, run=run, by=world.engineer).metrics
        assert metrics["evaluation"] == evaluation.pk
        assert metrics["dataset"] == "Test@v1"
        assert [one["name"] for one in metrics["classes"]] == ["road", "car"]
        (night,) = metrics["slice"]
        assert (night["name"], night["points"]) == ("night", 200)
        assert night["ious"]["car"] == pytest.approx(0.5 / 1.5)
        assert metrics["overall"]["accuracy"] == pytest.approx(0.75)
        assert [one["name"] for one in metrics["split"]] == ["val"]

    def test_what_the_trainer_reported_stands_apart(self, world):
        run = a_trained_run(world, status="running", finished_at=None)
        run_services.record_metrics(run=run, batch=a_batch("val/miou", values=[0.1, 0.2, 0.99]), by=world.engineer)
        version = services.register_version(model=MODEL, run=run, by=world.engineer)
        assert version.metrics == {"reported": {"val/miou": 0.99}}
        assert (version.miou, version.contaminated) == (None, None)

    def test_numbers_and_labels_count_on(self, world):
        assert a_version(world, label="v3.2").label == "v3.2"
        assert [a_version(world).label, a_version(world).number] == ["v3.3", 3]
        with pytest.raises(ConflictError, match=r"has a version v3[.]2"):
            a_version(world, label="v3.2")
        with pytest.raises(RefusedError, match=r"or v3[.]2[.]1-rc1"):
            a_version(world, label="best")

    @pytest.mark.parametrize(
        ("newest", "number", "after"),
        [("v3.2", 5, "v3.3"), ("v7", 8, "v8"), ("v4-rc1", 9, "v9"), ("", 1, "v1"), ("v1.2.9", 4, "v1.2.10")],
    )
    def test_the_label_after_a_label(self, newest, number, after):
        assert next_label(newest, number) == after

    def test_a_run_without_an_artifact_is_refused_with_the_remedy(self, world):
        with pytest.raises(RefusedError, match=r"has no artifact[.] Log the model"):
            services.register_version(model=MODEL, run=a_trained_run(world, path=""), by=world.engineer)
        assert not RegisteredModel.objects.exists()

    def test_of_several_artifacts_one_has_to_be_named(self, world):
        run = a_trained_run(world)
        log_artifact(run, "notes.txt", b"no model", world.engineer)
        with pytest.raises(RefusedError, match=r"several artifacts.*checkpoints/best.pt, notes.txt"):
            services.register_version(model=MODEL, run=run, by=world.engineer)
        with pytest.raises(RefusedError, match=r"no artifact 'worst[.]pt'"):
            services.register_version(model=MODEL, run=run, artifact_path="worst.pt", by=world.engineer)
        version = services.register_version(model=MODEL, run=run, artifact_path="notes.txt", by=world.engineer)
        assert version.file.read() == b"no model"

    def test_the_same_bytes_of_the_same_run_are_one_version(self, world):
        run = a_trained_run(world)
        services.register_version(model=MODEL, run=run, by=world.engineer)
        with pytest.raises(ConflictError, match=f"is {MODEL} v1 already") as refused:
            services.register_version(model=MODEL, run=run, by=world.engineer)
        assert refused.value.facts["label"] == "v1"

    @pytest.mark.parametrize("name", ["promote", "a/b", "", "Ä", "-x"])
    def test_names_that_can_not_be_addresses_are_refused(self, world, name):
        with pytest.raises(RefusedError, match="model"):
            services.register_version(model=name, run=a_trained_run(world), by=world.engineer)

    def test_queued_and_archived_runs_make_no_versions(self, world):
        queued = a_trained_run(world, status="queued", started_at=None, finished_at=None)
        archived = a_trained_run(world, archived_at=timezone.now())
        with pytest.raises(ConflictError, match="has not begun"):
            services.register_version(model=MODEL, run=queued, by=world.engineer)
        with pytest.raises(ConflictError, match="is archived"):
            services.register_version(model=MODEL, run=archived, by=world.engineer)

    @pytest.mark.parametrize("role", ["viewer", "trainer", "curator", "approver", "operator"])
    def test_only_engineers_register(self, world, role):
        with pytest.raises(NotAllowedError, match="Ask an engineer"):
            services.register_version(model=MODEL, run=a_trained_run(world), by=a_person(role, role))


class TestEnsembles:
    def test_an_ensemble_has_members_in_their_order(self, world):
        first, run = a_version(world, model="single"), a_trained_run(world)
        ensemble = services.register_version(model="ensemble", members=[run, first], by=world.engineer)
        assert (ensemble.model.kind, ensemble.file, ensemble.ontology) == ("ensemble", None, world.ontology)
        assert [str(member) for member in ensemble.members.all()] == [f"run-{run.pk}", "single v1"]

    def test_a_model_is_one_or_the_other(self, world):
        a_version(world)
        with pytest.raises(ConflictError, match="another kind: single model"):
            services.register_version(model=MODEL, members=[a_trained_run(world)], by=world.engineer)

    def test_a_member_named_twice_is_refused(self, world):
        run = a_trained_run(world)
        with pytest.raises(RefusedError, match="named twice"):
            services.register_version(model="ensemble", members=[run, run], by=world.engineer)
        assert not ModelVersion.objects.exists()

    def test_the_database_takes_no_later_members(self, world):
        ensemble = services.register_version(model="ensemble", members=[a_trained_run(world)], by=world.engineer)
        with pytest.raises(IntegrityError, match="gets no more"), transaction.atomic():
            EnsembleMember.objects.create(ensemble=ensemble, position=2, run=a_trained_run(world))
        with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
            ensemble.members.all().delete()


class TestPinned:
    def test_another_file_at_the_same_path_changes_nothing(self, world):
        run = a_trained_run(world, weights=b"first")
        version = services.register_version(model=MODEL, run=run, by=world.engineer)
        log_artifact(run, "checkpoints/best.pt", b"second", world.engineer)
        assert now(version).file.read() == b"first"

    def test_an_artifact_that_is_removed_leaves_the_bytes(self, world):
        run = a_trained_run(world, weights=b"first")
        version = services.register_version(model=MODEL, run=run, by=world.engineer)
        run_services.remove_artifact(artifact=Artifact.objects.get(run=run), by=world.engineer)
        found = now(version)
        assert (found.artifact, found.file.read()) == (None, b"first")
        assert not unreferenced_files().filter(pk=found.file_id).exists()

    @pytest.mark.parametrize(
        "facts",
        [
            {"digest": "1" * 64},
            {"run": None},
            {"label": "v9"},
            {"metrics": {}},
            {"miou": 1.0},
            {"dataset_version": None},
        ],
    )
    def test_the_database_keeps_what_it_was_made_of(self, world, facts):
        version = a_version(world)
        with pytest.raises(IntegrityError, match="stays as it was written"), transaction.atomic():
            ModelVersion.objects.filter(pk=version.pk).update(**facts)

    def test_a_version_can_not_be_given_another_artifact_or_be_deleted(self, world):
        version, other = a_version(world), a_trained_run(world).artifacts.get()
        with pytest.raises(IntegrityError, match="keeps the artifact"), transaction.atomic():
            ModelVersion.objects.filter(pk=version.pk).update(artifact=other)
        with (
            pytest.raises(IntegrityError, match="part of the record"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("DELETE FROM registry_stagetransition; DELETE FROM registry_modelversion")

    def test_files_in_use_name_the_model(self, world):
        version = a_version(world)
        assert StoredFile.objects.filter(model_versions=version).exists()


class TestCardsAndArchive:
    def test_texts_are_written_and_the_rest_stays(self, world):
        version = a_version(world, card={"licence": "MIT"}, tags=["night", "night", " "])
        services.describe_version(version=version, by=world.engineer, card={"limits": " Snow. "})
        found = now(version)
        assert (found.limits, found.licence, found.tags) == ("Snow.", "MIT", ["night"])
        assert found.history.first().history_change_reason == "Described"
        with pytest.raises(RefusedError, match="no colour"):
            services.describe_version(version=version, by=world.engineer, card={"colour": "red"})

    def test_an_archived_version_stays_readable(self, world):
        version = a_version(world)
        services.archive_version(version=version, by=world.engineer)
        assert now(version).archived
        assert selectors.resolve(f"{MODEL}@v1") == version
        with pytest.raises(MissingError):
            selectors.resolve(f"{MODEL}@latest")
        services.restore_version(version=version, by=world.engineer)
        assert selectors.resolve(f"{MODEL}@latest") == version

    def test_what_is_in_use_is_not_archived(self, world):
        version = a_version(world)
        services.set_alias(version=version, name="champion", by=world.engineer)
        with pytest.raises(ConflictError, match="Move the alias first"):
            services.archive_version(version=version, by=world.engineer)
        services.remove_alias(model=version.model, name="champion", by=world.engineer)
        promote(world, version)
        with pytest.raises(ConflictError, match="is in Production"):
            services.archive_version(version=version, by=world.engineer)


class TestNames:
    def test_an_alias_moves_and_its_history_tells(self, world):
        first, second = a_version(world), a_version(world)
        services.set_alias(version=first, name="champion", by=world.engineer)
        services.set_alias(version=second, name="champion", by=world.engineer)
        assert selectors.resolve(f"{MODEL}@champion") == second
        reasons = Alias.history.order_by("history_id").values_list("history_change_reason", flat=True)
        assert list(reasons) == ["Set to v1", "Moved from v1 to v2"]
        assert Alias.objects.count() == 1

    @pytest.mark.parametrize("name", ["production", "latest", "v3", "Champion", "", "a b"])
    def test_names_that_mean_something_else_are_refused(self, world, name):
        with pytest.raises(RefusedError, match="alias"):
            services.set_alias(version=a_version(world), name=name, by=world.engineer)

    def test_a_name_means_a_label_a_stage_or_the_newest(self, world):
        first, second = a_version(world, label="v3.2"), a_version(world)
        promote(world, first)
        assert selectors.resolve(MODEL) == selectors.resolve(f"{MODEL}@production") == first
        assert selectors.resolve(f"{MODEL}@v3.2") == first
        assert selectors.resolve(f"{MODEL}@latest") == selectors.resolve(f"{MODEL}@development") == second
        with pytest.raises(MissingError, match=r"no 'challenger'. It has v3.3, v3.2"):
            selectors.resolve(f"{MODEL}@challenger")
        with pytest.raises(MissingError, match="no model 'other'"):
            selectors.resolve("other@v1")
