"""Runs against a server that keeps what arrives: what is logged arrives once, whatever happens on the way."""

from __future__ import annotations

import errno
import logging
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamm_client as lamm
from lamm_client import spooling
from lamm_client.sending import replay
from tests.recording_server import RecordingServer, Starting, hurried, left


def log_forever(run: lamm.Run) -> None:
    while True:
        run.log({"loss": 1.0})


class TestWhatIsLogged:
    def test_all_of_it_arrives_and_leaves_nothing_in_the_spool(
        self, recorder: RecordingServer, starting: Starting, spool: Path
    ) -> None:
        with starting(experiment="night", params={"lr": np.float32(0.5)}, tags=["rain"]) as run:
            for step in range(2500):
                run.log({"train/loss": 1 / (step + 1)}, step=step, epoch=step / 1000)
            run.log_params({"seed": 3})
            run.set_tags({"team": "perception"}, remove=["rain"])
            run.note("went well")
        assert recorder.values("train/loss") == [1 / (step + 1) for step in range(2500)]
        assert set(recorder.points.values()) == {1}
        assert recorder.of("/runs/")[0]["parameters"] == {"lr": 0.5}
        assert recorder.of("/runs/")[0]["tags"] == {"rain": ""}
        assert recorder.of("/parameters/") == [{"parameters": {"seed": 3}}]
        assert recorder.of("/tags/") == [{"set": {"team": "perception"}, "remove": ["rain"]}]
        assert recorder.of("/runs/7/") == [{"notes": "went well"}]
        assert recorder.asked[-1] == ("POST", "/api/runs/7/finish/")
        assert left(spool) == []

    def test_values_without_a_word_in_json_are_spelled(self, recorder: RecordingServer, starting: Starting) -> None:
        with starting() as run:
            for value in (math.nan, math.inf, -math.inf, np.float32(0.25), np.array([2]), True):
                run.log({"loss": value})
        assert recorder.values("loss") == ["NaN", "Infinity", "-Infinity", 0.25, 2.0, 1.0]

    @pytest.mark.parametrize(
        ("metrics", "step", "words"),
        [
            ({"a\n": 1.0}, 1, "is no key"),
            ({7: 1.0}, 1, "is no key"),
            ({"loss": "low"}, 1, "loss: 'low' is no number"),
            ({"loss": [1, 2]}, 1, "is no number"),
            ({"loss": 10**400}, 1, "is no number"),
            ({"loss": 1.0}, 1.5, "no whole number"),
            ({"loss": 1.0}, 2**53, "53 bits"),
        ],
    )
    def test_what_the_server_would_refuse_is_refused_at_once(
        self, starting: Starting, metrics: Any, step: Any, words: str
    ) -> None:
        with pytest.raises(lamm.LammError, match=words):
            starting().log(metrics, step=step)

    def test_steps_count_on_by_themselves(self, recorder: RecordingServer, starting: Starting) -> None:
        with starting() as run:
            run.log({"loss": 1.0}, step=10)
            run.log({"loss": 2.0})
        assert [point[2] for point in recorder.points] == [10, 11]

    def test_an_artifact_arrives_as_it_was_when_it_was_logged(
        self, recorder: RecordingServer, starting: Starting, tmp_path: Path
    ) -> None:
        folder = tmp_path / "figures"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "roc.png").write_bytes(b"curve")
        best = tmp_path / "best.pt"
        best.write_bytes(b"epoch 1")
        with starting() as run:
            run.log_artifact(best, to="checkpoints/best.pt")
            best.write_bytes(b"epoch 2")
            run.log_artifact(folder)
            with pytest.raises(lamm.LammError, match="is not a file"):
                run.log_artifact(tmp_path / "nowhere")
        assert recorder.artifacts == {"checkpoints/best.pt": b"epoch 1", "figures/deep/roc.png": b"curve"}

    def test_what_is_refused_for_good_is_kept_aside_and_costs_nothing_else(
        self, recorder: RecordingServer, starting: Starting, spool: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        def too_many_keys(method: str, path: str, body: Any) -> Any:
            bad = path.endswith("/metrics/") and any(one["key"] == "bad" for one in body["series"])
            return (413, {"detail": "run-7 has too many metrics."}) if bad else None

        recorder.refusal = too_many_keys
        with starting() as run:
            run.log({"good": 1.0, "bad": 2.0})
        assert recorder.values("good") == [1.0]
        assert recorder.status == "completed"
        assert left(spool) == [".refused"]
        assert "run-7 has too many metrics" in caplog.text

    def test_a_refused_artifact_keeps_its_bytes(
        self, recorder: RecordingServer, starting: Starting, spool: Path, tmp_path: Path
    ) -> None:
        recorder.refusal = lambda method, *_: (413, {"detail": "Too large."}) if method == "PUT" else None
        (tmp_path / "best.pt").write_bytes(b"weights")
        with starting() as run:
            run.log_artifact(tmp_path / "best.pt")
        assert left(spool) == [".refused", ".refused"]
        assert b"weights" in [path.read_bytes() for path in spool.iterdir()]

    def test_a_step_of_thousands_of_keys_is_sent_in_several_calls(
        self, recorder: RecordingServer, starting: Starting
    ) -> None:
        with starting() as run:
            run.log({f"layer/{number}": 1.0 for number in range(2500)})
        assert len(recorder.points) == 2500
        assert max(len(body["series"]) for body in recorder.of("/metrics/")) == 1000

    def test_a_full_disk_is_waited_for(
        self, recorder: RecordingServer, starting: Starting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(descriptor: int, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        run = starting()
        with monkeypatch.context() as patched:
            patched.setattr(spooling, "write_all", full)
            run.log({"loss": 1.0}, step=1)
            run.set_tags(["night"])
            run.log({"loss": 2.0}, step=2)
        assert run.flush()
        assert recorder.values("loss") == [1.0, 2.0]
        assert [path.rpartition("/7/")[2] for path, _ in recorder.told[-3:]] == ["metrics/", "tags/", "metrics/"]


class TestTheEnd:
    def test_an_exception_is_a_failure_with_its_traceback(self, recorder: RecordingServer, starting: Starting) -> None:
        with pytest.raises(ZeroDivisionError), starting() as run:
            run.log({"loss": 1 / 0})
        end = recorder.of("/finish/")[0]
        assert end["status"] == "failed"
        assert "ZeroDivisionError" in end["failure"]
        assert "run.log" in end["failure"]

    @pytest.mark.parametrize(
        ("fault", "status"),
        [(KeyboardInterrupt(), "killed"), (SystemExit(0), "completed"), (SystemExit(3), "failed")],
    )
    def test_how_the_block_was_left_says_how_it_ended(
        self, recorder: RecordingServer, starting: Starting, fault: BaseException, status: str
    ) -> None:
        with pytest.raises(type(fault)), starting():
            raise fault
        assert [end["status"] for end in recorder.of("/finish/")] == [status]

    def test_nothing_is_logged_to_a_run_that_has_ended(self, starting: Starting) -> None:
        with starting() as run:
            pass
        with pytest.raises(lamm.LammError, match="run-7 has ended"):
            run.log({"loss": 1.0})

    def test_a_run_that_was_killed_elsewhere_stops_its_script(
        self, recorder: RecordingServer, starting: Starting
    ) -> None:
        recorder.status = "killed"
        run = starting(heartbeat_seconds=0.01)
        run.progress(3, 10)
        recorder.wait_for(lambda: {"steps_done": 3, "steps_total": 10} in recorder.of("/heartbeat/"))
        with pytest.raises(lamm.RunStoppedError, match="run-7 was killed"), run:
            log_forever(run)
        assert recorder.of("/finish/") == []

    def test_an_end_that_came_before_is_not_argued_with(
        self, recorder: RecordingServer, starting: Starting, spool: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        def killed(method: str, path: str, body: Any) -> Any:
            gone = {"detail": "run-7 is killed already.", "status": "killed"}
            return (409, gone) if path.endswith("/finish/") else None

        recorder.refusal = killed
        with starting() as run:
            run.log({"loss": 1.0})
        assert left(spool) == []
        assert "run-7 is killed already" in caplog.text


class TestAServerThatIsAway:
    def test_the_script_ends_well_and_the_rest_is_sent_by_a_replay(
        self, recorder: RecordingServer, starting: Starting, spool: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with starting() as run:
            run.log({"loss": 1.0})
            assert run.flush()
            recorder.away = True
            run.log({"loss": 2.0})
        assert "python -m lamm_client replay" in caplog.text
        assert left(spool) == [".journal"]
        assert replay(hurried(recorder)) == (0, 1)
        recorder.away = False
        assert replay(hurried(recorder)) == (1, 0)
        assert recorder.values("loss") == [1.0, 2.0]
        assert set(recorder.points.values()) == {1}
        assert recorder.status == "completed"
        assert left(spool) == []

    def test_a_run_may_begin_without_it(self, recorder: RecordingServer, starting: Starting, spool: Path) -> None:
        recorder.away = True
        with starting(name="offline") as run:
            assert run.id is None
            run.log({"loss": 1.0})
        recorder.away = False
        with starting(name="next") as run:
            recorder.wait_for(lambda: len(recorder.of("/finish/")) == 1)
        assert [body["name"] for body in recorder.of("/runs/")] in (["offline", "next"], ["next", "offline"])
        assert recorder.values("loss") == [1.0]

    def test_a_long_outage_is_made_up_for_while_the_run_goes_on(
        self, recorder: RecordingServer, starting: Starting, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        recorder.away = True
        run = starting()
        for step in range(3000):
            run.log({"loss": float(step)}, step=step)
        assert not run.flush()
        recorder.away = False
        assert run.flush()
        assert run.id == 7
        assert recorder.values("loss") == [float(step) for step in range(3000)]
        assert len(recorder.of("/metrics/")) == 1
        assert caplog.text.count("kept on this machine until") == 2

    def test_lost_answers_duplicate_nothing_that_the_server_counts_once(
        self, recorder: RecordingServer, starting: Starting
    ) -> None:
        recorder.losing = 1
        with starting() as run:
            recorder.losing = 2
            run.log({"loss": 1.0})
            assert run.flush() or run.flush()
            recorder.losing = 1
        assert len(recorder.runs) == 1
        assert recorder.values("loss") == [1.0]
        assert recorder.status == "completed"

    @pytest.mark.parametrize("seed", range(5))
    def test_whatever_the_server_does_each_point_is_there_once(
        self, recorder: RecordingServer, starting: Starting, spool: Path, seed: int
    ) -> None:
        chance = random.Random(seed)
        moods: list[tuple[bool, int]] = [(False, 0), (True, 0), (False, 1), (False, 2)]
        recorder.away = chance.random() < 0.5
        with starting(params={"seed": seed}) as run:
            for step in range(200):
                run.log({"loss": float(step), "lr": 0.1}, step=step)
                if step % 20 == 0:
                    recorder.away, recorder.losing = chance.choice(moods)
                    run.set_tags([f"tag-{step}"])
                    run.flush()
            recorder.away = chance.random() < 0.5
        recorder.away, recorder.losing = False, 0
        replay(hurried(recorder))
        assert recorder.values("loss") == [float(step) for step in range(200)]
        assert len(recorder.points) == 400
        assert len(recorder.runs) == 1
        tags = [next(iter(body["set"])) for body in recorder.of("/tags/")]
        assert list(dict.fromkeys(tags)) == [f"tag-{step}" for step in range(0, 200, 20)]
        assert recorder.status == "completed"
        assert left(spool) == []

    def test_the_journal_of_a_long_run_does_not_grow_for_ever(
        self, recorder: RecordingServer, starting: Starting, spool: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spooling, "RESTART_BYTES", 10_000)
        with starting() as run:
            for step in range(5000):
                run.log({"loss": float(step)}, step=step)
                if step % 500 == 499:
                    assert run.flush()
            assert next(spool.iterdir()).stat().st_size < 100_000
        assert recorder.values("loss") == [float(step) for step in range(5000)]
        assert set(recorder.points.values()) == {1}

    def test_a_refusal_to_make_the_run_is_an_error_at_once(
        self, recorder: RecordingServer, starting: Starting, spool: Path
    ) -> None:
        recorder.refusal = lambda *told: (409, {"detail": "Urban v2 is a draft. Train on a frozen one."})
        with pytest.raises(lamm.ConflictError, match="Train on a frozen one"):
            starting(dataset="Urban@v2")
        assert left(spool) == []

    def test_a_token_that_ends_meanwhile_loses_nothing(
        self, recorder: RecordingServer, starting: Starting, spool: Path
    ) -> None:
        with starting() as run:
            recorder.refusal = lambda *told: (401, {"detail": "The token is not valid."})
            run.log({"loss": 1.0})
        assert left(spool) == [".journal"]
        recorder.refusal = None
        assert replay(hurried(recorder)) == (1, 0)
        assert recorder.values("loss") == [1.0]

    def test_journals_of_another_server_stay(self, recorder: RecordingServer, spool: Path) -> None:
        header = {"url": "https://elsewhere.example.com/", "run": 3, "create": None, "key": "", "claim": ""}
        spooling.Journal.create(header).close()
        assert replay(hurried(recorder)) == (0, 0)
        assert left(spool) == [".journal"]
        assert recorder.asked == []
