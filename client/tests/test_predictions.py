"""Predictions from a script to the real server: mapped back, resumed, sent once, refused by name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings

import lamm_client as lamm
from experiments import prediction_arrays
from experiments.models import FramePrediction, PredictionSet
from experiments.prediction_selectors import classes_of, confidence_of, uncertainty_of
from lamm_client import predictions
from lamm_client.cache import Cache
from lamm_client.labels import Ontology, SemanticClass, mapping_table
from lamm_client.sending import replay
from scenes.models import Frame
from tests.stories import POINTS, a_dataset
from tests.stories import classes_of as truth_of

CLASSES = np.arange(POINTS, dtype=np.uint8) % 20


@pytest.fixture
def dataset(connection: lamm.Connection, tmp_path: Path, spool: Path) -> lamm.Dataset:
    a_dataset(tmp_path)
    return connection.dataset("Urban_Night_Scenes@v1", cache=Cache(tmp_path / "cache"))


def kept() -> dict[int, FramePrediction]:
    rows = FramePrediction.objects.select_related("classes", "confidence", "uncertainty")
    return {row.frame_id: row for row in rows}


class TestLogging:
    def test_a_validation_split_arrives_as_it_was_logged(
        self, connection: lamm.Connection, dataset: lamm.Dataset, spool: Path
    ) -> None:
        sure, unsure = np.linspace(0, 1, POINTS), np.linspace(0, 2, POINTS).astype(np.float16)
        unsure[0] = np.nan
        with connection.run(capture=False) as run:
            run.declare_predictions("SemanticKITTI", measure="predictive_entropy")
            for frame in dataset["val"]:
                assert frame.labels is not None
                run.log_prediction(frame, frame.labels, confidence=sure, uncertainty=unsure)
        declared = PredictionSet.objects.get()
        assert (declared.run_id, declared.measure, declared.frame_count) == (run.id, "predictive_entropy", 2)
        for row, index in zip(kept().values(), range(2), strict=True):
            assert np.array_equal(classes_of(row), truth_of(index))
            assert np.allclose(confidence_of(row), sure)
            assert np.array_equal(uncertainty_of(row), unsure, equal_nan=True)
        assert list(spool.iterdir()) == []

    def test_ids_of_a_mapped_dataset_are_mapped_back(self, connection: lamm.Connection, dataset: lamm.Dataset) -> None:
        mapped = dataset.mapped({"road": 1, "building": 0}, unmatched="ignore")
        with connection.run(capture=False) as run:
            for frame in mapped["val"]:
                assert frame.labels is not None
                run.log_prediction(frame, frame.labels.astype(np.int64))
            with pytest.raises(lamm.LammError, match="no class of SemanticKITTI is mapped to 7"):
                run.log_prediction(frame, np.full(POINTS, 7))
            with pytest.raises(lamm.LammError, match=r"255 stands for car, .* can't be mapped back"):
                run.log_prediction(frame, np.full(POINTS, 255))
        assert PredictionSet.objects.get().ontology.name == "SemanticKITTI"
        for row, index in zip(kept().values(), range(2), strict=True):
            assert np.array_equal(classes_of(row), truth_of(index))

    def test_frames_by_their_ids_need_the_ontology(self, connection: lamm.Connection, dataset: lamm.Dataset) -> None:
        frame = dataset["val"][0]
        assert frame.id is not None
        with connection.run(capture=False) as run:
            with pytest.raises(lamm.LammError, match="In which ontology"):
                run.log_prediction(frame.id, CLASSES)
            run.declare_predictions("SemanticKITTI")
            run.log_prediction(frame.id, CLASSES)
        assert np.array_equal(classes_of(kept()[frame.id]), CLASSES)

    @pytest.mark.parametrize(
        ("arrays", "words"),
        [
            ((CLASSES[1:],), "has 300 points, there are 299 classes"),
            ((CLASSES.astype(float),), "Give a whole number per point"),
            ((np.full(POINTS, 300),), "indices of classes are 0 to 255"),
            ((np.full(POINTS, 77),), "has no class 77"),
            ((CLASSES, CLASSES), "Give one float a point"),
            ((CLASSES, np.full(POINTS, 1.5)), "Give probabilities"),
            ((CLASSES, np.zeros(7)), "there are 7 values of confidence"),
            ((CLASSES, None, np.full(POINTS, np.inf)), "infinite"),
            ((CLASSES, None, np.full(POINTS, 4.0)), "declared from 0 to 2.99573"),
        ],
    )
    def test_what_does_not_fit_is_refused_at_once(
        self, connection: lamm.Connection, dataset: lamm.Dataset, arrays: Any, words: str
    ) -> None:
        with connection.run(capture=False) as run:
            run.declare_predictions("SemanticKITTI", measure="predictive_entropy")
            with pytest.raises(lamm.LammError, match=words):
                run.log_prediction(dataset["val"][0], *arrays)
        assert kept() == {}

    def test_uncertainty_needs_its_measure_and_a_refused_one_is_told(
        self, connection: lamm.Connection, dataset: lamm.Dataset
    ) -> None:
        with connection.run(capture=False) as run:
            with pytest.raises(lamm.LammError, match="What does uncertainty measure"):
                run.log_prediction(dataset["val"][0], CLASSES, uncertainty=np.zeros(POINTS))
            with pytest.raises(lamm.RefusedError, match="'entropie' is not known"):
                run.declare_predictions("SemanticKITTI", measure="entropie")
            with pytest.raises(lamm.RefusedError, match="there is no 'Kitti'"):
                run.declare_predictions("Kitti")

    def test_another_process_of_the_run_knows_what_was_declared(
        self, connection: lamm.Connection, dataset: lamm.Dataset
    ) -> None:
        with connection.run(capture=False) as run:
            run.declare_predictions("SemanticKITTI", measure="variance")
            assert run.id is not None
            other = connection.join_run(run.id)
            other.log_prediction(dataset["val"][0], CLASSES, uncertainty=np.full(POINTS, 0.2))
            assert other.close()
        assert PredictionSet.objects.get().frame_count == 1


class TestSendingOnce:
    def test_the_same_again_is_not_sent_and_others_are_put_aside(
        self, connection: lamm.Connection, dataset: lamm.Dataset, spool: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        first, second = dataset["val"]
        run = connection.run(capture=False)
        run.log_prediction(first, CLASSES)
        assert run.flush()
        before = FramePrediction.objects.get().recorded_at
        run.log_prediction(first, CLASSES)
        run.log_prediction(first, np.zeros(POINTS, np.uint8))
        run.log_prediction(second, CLASSES)
        run.finish()
        assert kept()[int(first.id or 0)].recorded_at == before
        assert np.array_equal(classes_of(kept()[int(first.id or 0)]), CLASSES)
        assert set(kept()) == {first.id, second.id}
        assert "predicted it already, with other classes" in caplog.text
        words, _ = sorted(spool.glob("*.refused"), key=lambda path: len(path.name))  # and the bytes, by a longer name
        facts = json.loads(words.read_text().splitlines()[0])
        assert Path(facts["kept"]).read_bytes() == bytes(POINTS)

    def test_others_replace_when_that_is_said(self, connection: lamm.Connection, dataset: lamm.Dataset) -> None:
        frame = dataset["val"][0]
        with connection.run(capture=False) as run:
            run.log_prediction(frame, CLASSES)
            run.log_prediction(frame, np.zeros(POINTS, np.uint8), replace=True)
        assert classes_of(kept()[int(frame.id or 0)]).tolist() == [0] * POINTS
        assert FramePrediction.history.count() == 2

    def test_one_refused_frame_holds_up_no_other(
        self, connection: lamm.Connection, dataset: lamm.Dataset, caplog: pytest.LogCaptureFixture
    ) -> None:
        first, second = dataset["val"]
        with connection.run(capture=False) as run:
            run.declare_predictions("SemanticKITTI")
            Frame.objects.filter(pk=first.id).update(state="quarantined", problem="cut")
            run.log_prediction(first, CLASSES)
            run.log_prediction(second, CLASSES)
        assert set(kept()) == {second.id}
        assert "is quarantined" in caplog.text

    def test_a_killed_process_loses_nothing(
        self, connection: lamm.Connection, dataset: lamm.Dataset, spool: Path
    ) -> None:
        frames = [frame.id for frame in dataset["train"]]
        script = (
            "import os, sys, numpy as np, lamm_client.runs as runs\n"
            "from lamm_client.transport import Transport\n"
            "run = runs.join_run(Transport(sys.argv[1], sys.argv[2]), int(sys.argv[3]))\n"
            "run.declare_predictions('SemanticKITTI')\n"
            "run._pipeline.transport.attempts = 1\n"
            "run._pipeline.transport.url = run._pipeline.transport.url.copy_with(port=9)\n"
            "for frame in map(int, sys.argv[4:]):\n"
            f"    run.log_prediction(frame, np.arange({POINTS}, dtype=np.uint8) % 20)\n"
            "os._exit(9)\n"
        )
        run = connection.run(capture=False)
        run.declare_predictions("SemanticKITTI")
        transport = connection.transport
        token = transport.__getstate__()["token"]
        command = [sys.executable, "-c", script, str(transport.url), token, str(run.id), *map(str, frames)]
        subprocess.run(command, check=False, timeout=60, cwd=Path(__file__).parents[1])
        assert kept() == {}
        assert replay(transport) == (1, 0)
        assert set(kept()) == set(frames)
        run.finish()


def test_the_example_for_trainers_runs_as_pasted(live_server: Any, token_of: Any, tmp_path: Path, spool: Path) -> None:
    page = (settings.BASE_DIR / "docs" / "trainers.md").read_text()
    (lines,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "log_prediction" in block]
    a_dataset(tmp_path)
    there = {
        "LAMM_URL": live_server.url,
        "LAMM_TOKEN": token_of("trainer"),
        "LAMM_CACHE": str(tmp_path / "cache"),
        "LAMM_SPOOL": str(spool),
        "PYTHONPATH": str(settings.BASE_DIR / "client"),
    }
    done = subprocess.run(
        [sys.executable, "-c", lines], env=there, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [row.class_counts[9] + row.class_counts[13] for row in kept().values()] == [POINTS, POINTS]
    assert PredictionSet.objects.get().high == 1.0


class TestForm:
    def test_both_sides_keep_the_same_bytes(self) -> None:
        for dtype in (np.float16, np.float32):
            values = np.linspace(0, 1, 1234).astype(dtype)
            assert predictions.npy_bytes(values) == prediction_arrays.kept_numbers(values)

    def test_calls_stay_small_and_say_a_frame_once(self) -> None:
        facts = [{"frame": number, "sizes": [100, 0, 0]} for number in range(64)]
        assert not predictions.too_many(facts)
        assert predictions.too_many([*facts, {"frame": 64, "sizes": [1, 0, 0]}])
        assert predictions.too_many([facts[0], facts[0]])
        assert predictions.too_many([{"frame": 1, "sizes": [2**24 + 1, 0, 0]}])

    def test_what_is_ignored_goes_back_to_the_ignored_class(self) -> None:
        ontology = Ontology(
            "Mine",
            (
                SemanticClass(0, "nothing", "#000000", True),
                SemanticClass(1, "road", "#111111", False),
                SemanticClass(2, "car", "#222222", False),
                SemanticClass(5, "outlier", "#555555", True),
            ),
        )
        table = mapping_table(ontology, {"road": 0, "car": 1})
        assert [predictions.back(made, table, ontology, "x").index for made in (0, 1, 255)] == [1, 2, 0]
