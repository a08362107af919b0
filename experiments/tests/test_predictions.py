"""Predictions are checked against frame and ontology, kept once, and replaced only on purpose."""

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import prediction_arrays as arrays
from experiments import services
from experiments.models import FramePrediction, PredictionSet
from experiments.prediction_arrays import ArrayKinds
from experiments.prediction_selectors import (
    classes_of,
    confidence_of,
    digests_of,
    frames_of,
    frames_without,
    prediction_sets_of_scene,
    scenes_predicted,
    uncertainty_of,
)
from experiments.services import GivenPrediction, LateArray
from experiments.tests.prediction_stories import predict, truth_of, wrong_by
from experiments.tests.stories import a_person, a_run
from scenes.clouds.cloud import CloudError
from scenes.errors import ConflictError, NotAllowedError, RefusedError, TooLargeError
from scenes.models import Frame, Ontology, SemanticClass, StoredFile
from scenes.references import file_uses, unreferenced_files
from scenes.tests.factories import a_labelled_scene, a_ready_scene

pytestmark = pytest.mark.django_db
INDICES = {index: index for index in range(20)}


def kitti() -> Ontology:
    return Ontology.objects.get(name="SemanticKITTI")


@pytest.fixture
def scene():
    return a_labelled_scene(frames=2, points=50)


def record(run, frame, classes, confidence=None, uncertainty=None, **wishes):
    batch = [GivenPrediction(frame.pk, classes, confidence, uncertainty)]
    return services.record_predictions(run=run, batch=batch, by=wishes.pop("by", run.started_by), **wishes)


def declared(**facts):
    run = a_run()
    services.declare_predictions(run=run, ontology=kitti(), by=run.started_by, **facts)
    return run


def archive(run):
    services.finish_run(run=run, by=run.started_by, status="completed")
    services.archive_run(run=run, by=run.started_by)


class TestDeclaring:
    def test_twice_is_once_and_ends_follow_from_the_measure(self, scene):
        run = a_run()
        said = {"run": run, "ontology": kitti(), "by": run.started_by}
        first = services.declare_predictions(**said, measure="mutual_information")
        assert (first.unit, first.low) == ("nats", 0.0)
        assert first.high == pytest.approx(np.log(20))
        assert services.declare_predictions(**said) == first
        assert services.declare_predictions(**said, measure="mutual_information") == first
        assert first.history.count() == 1

    @pytest.mark.parametrize(
        ("facts", "ends"),
        [
            ({"measure": "predictive_entropy", "unit": "normalised"}, (0, 1)),
            ({"measure": "variation_ratio"}, (0, 1)),
            ({"measure": "variance"}, (0, 0.25)),
            ({"measure": "custom", "unit": "metres", "low": -1, "high": 4}, (-1, 4)),
        ],
    )
    def test_measures_have_their_ends(self, scene, facts, ends):
        predictions = declared(**facts).predictions
        assert (predictions.low, predictions.high) == ends

    @pytest.mark.parametrize(
        ("facts", "field"),
        [
            ({"measure": "entropie"}, "measure"),
            ({"unit": "nats"}, "measure"),
            ({"measure": "variance", "unit": "nats"}, "unit"),
            ({"measure": "custom"}, "low"),
            ({"measure": "custom", "low": 1.0, "high": 1.0}, "low"),
            ({"measure": "custom", "low": 0.0, "high": float("inf")}, "low"),
        ],
    )
    def test_what_makes_no_measure_is_refused_by_its_field(self, scene, facts, field):
        with pytest.raises(RefusedError) as refused:
            declared(**facts)
        assert refused.value.facts["field"] == field
        assert not PredictionSet.objects.exists()

    def test_a_mistake_is_corrected_until_a_frame_is_there(self, scene):
        run = declared(measure="variance")
        services.declare_predictions(run=run, ontology=kitti(), by=run.started_by, measure="disagreement")
        record(run, scene.frames.first(), np.zeros(50, np.uint8))
        with pytest.raises(ConflictError, match="1 frames are there"):
            services.declare_predictions(run=run, ontology=kitti(), by=run.started_by, measure="variance")
        assert PredictionSet.objects.get().measure == "disagreement"
        assert PredictionSet.history.count() == 2

    def test_a_measure_may_come_later_an_ontology_may_not(self, scene):
        run = a_run()
        predict(run, scene, truth_of(scene))
        again = services.declare_predictions(run=run, ontology=kitti(), by=run.started_by, measure="variance")
        assert again.measure == "variance"
        with pytest.raises(ConflictError):
            services.declare_predictions(run=run, ontology=Ontology.objects.create(name="Mine"), by=run.started_by)

    def test_the_database_keeps_what_was_declared(self, scene):
        predictions = predict(a_run(), scene, truth_of(scene))
        with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
            PredictionSet.objects.filter(pk=predictions.pk).update(ontology=Ontology.objects.create(name="Mine"))
        with pytest.raises(IntegrityError), transaction.atomic():
            PredictionSet.objects.filter(pk=predictions.pk).update(measure="variance")

    def test_classes_that_predictions_use_keep_their_meaning(self, db):
        ontology = Ontology.objects.create(name="Mine")
        SemanticClass.objects.create(ontology=ontology, index=0, name="road", colour="#112233")
        assert not ontology.in_use
        run = a_run()
        services.declare_predictions(run=run, ontology=ontology, by=run.started_by)
        assert ontology.in_use
        with pytest.raises(IntegrityError, match="keep their meaning"), transaction.atomic():
            SemanticClass.objects.filter(ontology=ontology).update(index=3)
        SemanticClass.objects.filter(ontology=ontology).update(name="street")


class TestRecording:
    def test_arrays_are_kept_in_the_order_of_the_file_and_come_back_as_they_were(self, scene):
        run, truth = a_run(), truth_of(scene)
        sure = np.linspace(0, 1, 50).astype(np.float16)
        unsure = np.linspace(0, 2, 50).astype(np.float32)
        unsure[3] = np.nan
        predictions = predict(run, scene, truth, confidence=[sure, sure], uncertainty=[unsure, unsure])
        assert (predictions.frame_count, predictions.point_count) == (2, 100)
        for row, classes in zip(frames_of(predictions), truth, strict=True):
            assert np.array_equal(classes_of(row), classes)
            assert np.array_equal(confidence_of(row), sure)
            assert np.array_equal(uncertainty_of(row), unsure, equal_nan=True)
            assert row.class_counts == np.bincount(classes, minlength=20).tolist()
        # Equal arrays of two frames are one file.
        assert StoredFile.objects.filter(confidence_of__isnull=False).distinct().count() == 1

    def test_the_same_again_changes_nothing(self, scene):
        run = declared()
        frame = scene.frames.first()
        assert record(run, frame, truth_of(scene)[0]).stored == 1
        again = record(run, frame, truth_of(scene)[0].tobytes())
        assert (again.stored, again.already, again.replaced) == (0, 1, 0)
        assert not FramePrediction.history.exists()

    def test_other_bytes_are_refused_unless_they_shall_replace(self, scene):
        run = declared()
        frame, other = scene.frames.first(), np.zeros(50, np.uint8)
        record(run, frame, truth_of(scene)[0])
        old = FramePrediction.objects.get().classes.digest
        with pytest.raises(ConflictError, match="predicted it already, with other classes") as refused:
            record(run, frame, other)
        assert refused.value.facts == {"frame": frame.pk, "field": "classes"}
        assert record(run, frame, other, replace=True).replaced == 1
        assert np.array_equal(classes_of(FramePrediction.objects.get()), other)
        first, then = FramePrediction.history.order_by("history_id")
        assert (first.history_type, then.history_type) == ("+", "~")
        assert first.history_user == then.history_user == run.started_by
        assert old in then.history_change_reason
        assert first.classes_id != then.classes_id

    def test_a_replaced_row_tells_its_beginning_once(self, scene):
        run, frame = declared(), scene.frames.first()
        for value in range(3):
            record(run, frame, np.full(50, value, np.uint8), replace=True)
        kinds = FramePrediction.history.order_by("history_id").values_list("history_type", flat=True)
        assert list(kinds) == ["+", "~", "~"]

    def test_a_batch_is_taken_whole_or_not_at_all(self, scene):
        run, (good, bad) = declared(), scene.frames.order_by("index")
        batch = [GivenPrediction(good.pk, truth_of(scene)[0]), GivenPrediction(bad.pk, np.zeros(49, np.uint8))]
        with pytest.raises(RefusedError, match=f"Frame {bad.name}"):
            services.record_predictions(run=run, batch=batch, by=run.started_by)
        assert not FramePrediction.objects.exists()

    @pytest.mark.parametrize(
        ("given", "words", "field"),
        [
            ({"classes": b"\0" * 49}, "49 bytes, 50 points need 50", "classes"),
            ({"classes": np.full(50, 77)}, r"class index 77 \(50 points\)", "classes"),
            ({"classes": np.full(50, -1)}, "id -1", "classes"),
            ({"classes": np.zeros(50)}, "float64", "classes"),
            ({"classes": np.zeros((50, 1), int)}, "shape", "classes"),
            ({"confidence": np.full(50, 1.5, "f4")}, "50 values are outside 0..1", "confidence"),
            ({"confidence": np.full(50, np.nan, "f4")}, "the first is nan", "confidence"),
            ({"confidence": np.full(50, 0.5)}, "float64", "confidence"),
            ({"confidence": np.zeros(49, "f4")}, "the frame has 50 points", "confidence"),
            ({"uncertainty": np.full(50, 3.5, "f4")}, "outside 0..2.99573", "uncertainty"),
            ({"uncertainty": np.full(50, np.inf, "f2")}, "the first is inf", "uncertainty"),
            ({"uncertainty": np.full(50, 9, "u4").tobytes()}, "no .npy file", "uncertainty"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_frame_and_field(self, scene, given, words, field):
        run, frame = declared(measure="predictive_entropy"), scene.frames.first()
        arrays_ = {"classes": np.zeros(50, np.uint8), **given}
        with pytest.raises(RefusedError, match=words) as refused:
            record(run, frame, **arrays_)
        assert refused.value.facts == {"frame": frame.pk, "field": field}
        assert frame.name in str(refused.value)
        assert not FramePrediction.objects.exists()

    def test_an_entropy_rounded_beyond_its_end_is_taken(self, scene):
        run = declared(measure="predictive_entropy")
        highest = np.full(50, np.log(20), np.float16)
        assert float(highest[0]) > PredictionSet.objects.get().high
        assert record(run, scene.frames.first(), np.zeros(50, np.uint8), uncertainty=highest).stored == 1

    def test_uncertainty_needs_its_measure(self, scene):
        with pytest.raises(RefusedError, match="Declare its measure") as refused:
            record(declared(), scene.frames.first(), np.zeros(50, np.uint8), uncertainty=np.zeros(50, "f4"))
        assert refused.value.facts["field"] == "uncertainty"

    def test_kinds_are_declared(self, scene):
        run, frame = declared(), scene.frames.first()
        raw = np.where(truth_of(scene)[0] == 9, 40, 50).astype("<u4") | np.uint32(7 << 16)
        assert record(run, frame, raw.tobytes(), kinds=ArrayKinds(classes="semantic-kitti")).stored == 1
        assert set(classes_of(FramePrediction.objects.get())) == {9, 13}
        with pytest.raises(RefusedError, match=r"raw id 77 \(50 points\)"):
            record(run, frame, np.full(50, 77, "<u4").tobytes(), kinds=ArrayKinds(classes="semantic-kitti"))
        with pytest.raises(CloudError, match="guess"):
            ArrayKinds(classes="guess")

    def test_frames_that_can_not_be_predicted_are_named(self, scene):
        run, frame = declared(), scene.frames.first()
        with pytest.raises(RefusedError, match="no frame 987654"):
            services.record_predictions(run=run, batch=[GivenPrediction(987654, b"")], by=run.started_by)
        twice = [GivenPrediction(frame.pk, np.zeros(50, np.uint8))] * 2
        with pytest.raises(RefusedError, match="there twice"):
            services.record_predictions(run=run, batch=twice, by=run.started_by)
        Frame.objects.filter(pk=frame.pk).update(state="quarantined", problem="cut")
        with pytest.raises(RefusedError, match="is quarantined"):
            record(run, frame, np.zeros(50, np.uint8))
        with pytest.raises(TooLargeError):
            services.record_predictions(run=run, batch=twice * 501, by=run.started_by)

    def test_sizes_are_checked_before_anything_is_read(self, scene):
        run, (first, second) = declared(), scene.frames.order_by("index")
        read = []
        batch = [
            GivenPrediction(first.pk, LateArray(50, lambda: read.append(1) or b"\0" * 50)),
            GivenPrediction(second.pk, LateArray(10**12, lambda: read.append(2) or b"")),
        ]
        with pytest.raises(RefusedError, match=f"Frame {second.name}"):
            services.record_predictions(run=run, batch=batch, by=run.started_by)
        assert read == []

    def test_who_may_write_and_when(self, scene):
        run, frame, classes = declared(), scene.frames.first(), np.zeros(50, np.uint8)
        with pytest.raises(NotAllowedError):
            record(run, frame, classes, by=a_person("other"))
        with pytest.raises(ConflictError, match="another worker"):
            record(run, frame, classes, claim="f" * 32)
        archive(run)
        with pytest.raises(ConflictError, match="archived"):
            record(run, frame, classes)
        queued = a_run(queued=True)
        services.declare_predictions(run=queued, ontology=kitti(), by=queued.started_by)
        with pytest.raises(ConflictError, match="queued"):
            record(queued, frame, classes)
        with pytest.raises(RefusedError, match="Declare its ontology"):
            record(a_run(), frame, classes)
        assert not FramePrediction.objects.exists()

    def test_the_number_of_queries_does_not_follow_the_frames(self):
        scene = a_labelled_scene(frames=6, points=20)
        counts = []
        for run, truth in ((declared(), truth_of(scene)[:1]), (declared(), truth_of(scene))):
            with CaptureQueriesContext(connection) as queries:
                predict(run, scene, truth)
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestKeeping:
    def test_files_in_use_are_kept_and_say_what_needs_them(self, scene):
        predictions = predict(a_run(), scene, wrong_by(truth_of(scene), 0.5), confidence=0.5)
        row = frames_of(predictions)[0]
        assert row.confidence not in unreferenced_files()
        assert row.classes not in unreferenced_files()
        use = file_uses([row.confidence_id])[row.confidence_id][0]
        assert (use.role, use.frame, use.scene_id) == ("predicted confidence", row.frame.name, scene.pk)

    def test_withdrawing_frees_the_files_and_the_declaration(self, scene):
        run = a_run()
        predictions = predict(run, scene, wrong_by(truth_of(scene), 0.5))
        digest = frames_of(predictions)[0].classes.digest
        assert services.withdraw_predictions(run=run, by=run.started_by) == 2
        predictions.refresh_from_db()
        assert (predictions.frame_count, predictions.point_count) == (0, 0)
        assert unreferenced_files().filter(digest=digest).exists()
        assert FramePrediction.history.filter(history_type="-").count() == 2
        services.declare_predictions(run=run, ontology=Ontology.objects.create(name="Mine"), by=run.started_by)

    def test_sums_follow_when_a_scene_goes(self, scene):
        run, other = a_run(), a_labelled_scene(name="other-drive", frames=1, points=20)
        predict(run, other, truth_of(other))
        predictions = predict(run, scene, truth_of(scene))
        assert (predictions.frame_count, predictions.point_count) == (3, 120)
        FramePrediction.objects.filter(scene=other).delete()
        predictions.refresh_from_db()
        assert (predictions.frame_count, predictions.point_count) == (2, 100)

    def test_a_frame_belongs_to_its_scene(self, scene):
        predictions = predict(a_run(), scene, truth_of(scene))
        other = a_ready_scene(name="other-drive")
        with pytest.raises(IntegrityError, match="another scene"), transaction.atomic():
            predictions.frames.update(scene=other)


class TestReading:
    def test_which_runs_predict_in_a_scene(self, scene):
        first, second, archived = a_run(), a_run(), a_run()
        predict(first, scene, truth_of(scene)[:1], uncertainty=0.5)
        predict(second, scene, truth_of(scene))
        predict(archived, scene, truth_of(scene))
        archive(archived)
        with CaptureQueriesContext(connection) as queries:
            found = prediction_sets_of_scene(scene.pk)
        assert len(queries) == 2
        assert [(one.run, one.frames, one.with_uncertainty) for one in found] == [(second, 2, 0), (first, 1, 1)]

    def test_digests_and_gaps(self, scene):
        predictions = predict(a_run(), scene, truth_of(scene)[:1], confidence=1.0)
        ((frame, digests),) = digests_of(predictions, scene_id=scene.pk).items()
        row = frames_of(predictions)[0]
        assert frame == row.frame_id
        assert (digests.classes, digests.confidence, digests.uncertainty) == (
            row.classes.digest,
            row.confidence.digest,
            "",
        )
        assert digests_of(predictions, frame_ids=[]) == {}
        assert scenes_predicted(predictions) == {scene.pk: 1}
        assert frames_without(predictions, [scene.pk]) == {scene.pk: 1}


class TestArrays:
    @given(values=st.lists(st.floats(0, 1, width=16), min_size=1, max_size=300), wide=st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_numbers_come_back_and_numpy_reads_them(self, values, wide):
        import io

        given = np.array(values, np.float32 if wide else np.float16)
        kept = arrays.kept_numbers(given)
        assert np.array_equal(np.load(io.BytesIO(kept), allow_pickle=False), given)
        read = arrays.read_numbers(kept, points=len(given))
        assert (read.dtype, read.tolist()) == (given.dtype, given.tolist())
        swapped = given.astype(given.dtype.newbyteorder(">"))
        again = arrays.confidence_numbers(swapped, kind="npy", points=len(given))
        assert arrays.kept_numbers(again) == kept

    @given(values=st.lists(st.integers(0, 300), min_size=1, max_size=50))
    @settings(max_examples=60, deadline=None)
    def test_only_known_indices_pass(self, values):
        given = np.array(values, np.int64)
        known = {value: value for value in INDICES if value != 7}
        if set(values) <= set(known):
            found = arrays.class_indices(given, kind="index", points=len(given), known=known, raw_ids={})
            assert found.dtype == np.uint8
            assert found.tolist() == values
        else:
            with pytest.raises(CloudError, match="does not know the class ind"):
                arrays.class_indices(given, kind="index", points=len(given), known=known, raw_ids={})
