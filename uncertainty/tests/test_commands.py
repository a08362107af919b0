"""Commands: scores from tables, all or nothing; what stands on scenes rebuilt and compared."""

from io import StringIO

import pyarrow as pa
import pytest
from django.core.management import CommandError, call_command
from pyarrow import parquet

from scenes.models import Scene
from uncertainty.models import Evaluation, SceneScores
from uncertainty.tests.stories import a_finished, a_world

pytestmark = pytest.mark.django_db
WISHES = {"dataset": "Urban@v1", "measure": "predictive_entropy", "normalised": True, "name": "ensemble-v2"}


@pytest.fixture
def world():
    return a_world()


def run(*args, **wishes) -> str:
    out = StringIO()
    call_command(*args, stdout=out, **wishes)
    return out.getvalue()


def imported(path, **wishes) -> str:
    return run("import_scores", str(path), **{**WISHES, "user": "erin", **wishes})


class TestImport:
    def test_a_csv_with_names_of_frames(self, world, tmp_path):
        rows = ["scene,frame,score,iou"]
        rows += [f"scene-000,{index:06d}.pcd,0.{index + 1},0.5" for index in range(3)]
        rows += ["scene-001,000000.pcd,,", "scene-001,000002.pcd,0.9,"]
        path = tmp_path / "scores.csv"
        path.write_text("\n".join(rows) + "\n")
        assert "4 frames scored, finished" in imported(path, finish=True)
        kept = Evaluation.objects.get()
        assert (kept.frame_count, kept.maximum) == (4, pytest.approx(0.9))
        assert SceneScores.objects.get(scene=world.scenes[0]).ious == pytest.approx([0.5] * 3)

    def test_parquet_with_ids_or_positions(self, world, tmp_path):
        frames = list(world.scenes[0].frames.order_by("index").values_list("pk", flat=True))
        parquet.write_table(pa.table({"frame_id": frames, "score": [0.1, 0.2, 0.3]}), tmp_path / "ids.parquet")
        assert "3 frames scored, draft" in imported(tmp_path / "ids.parquet")
        table = pa.table({"scene": ["scene-001"] * 2, "position": [2, 0], "score": [0.6, None]})
        parquet.write_table(table, tmp_path / "places.parquet")
        assert "1 frames scored, draft" in imported(tmp_path / "places.parquet")
        assert Evaluation.objects.count() == 1
        assert SceneScores.objects.get(scene=world.scenes[1]).argmax == 2

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("scene,score\nscene-000,0.1\n", "It needs score"),
            ("scene,frame,score\nscene-000,000000.pcd,0.1\nscene-000,nine.pcd,0.2\n", "row 2: there is no frame"),
            ("scene,frame,score\nscene-000,000000.pcd,much\n", "can't be read"),
            ("scene,frame,score\nscene-000,000000.pcd,7\n", r"it lies in 0\.\.1"),
            ("scene,frame,score,more\nscene-000,000000.pcd,0.1,1\n", "unknown columns more"),
            ("frame_id,score\n99999999,0.1\n", "There is no frame 99999999"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_stays(self, world, tmp_path, text, words):
        path = tmp_path / "scores.csv"
        path.write_text(text)
        with pytest.raises(CommandError, match=words):
            imported(path)
        assert not Evaluation.objects.exists()

    def test_users_and_files_that_are_not_there_are_told(self, world, tmp_path):
        with pytest.raises(CommandError, match="is not a file"):
            imported(tmp_path / "nothing.csv")
        with pytest.raises(CommandError, match="no active user"):
            imported(tmp_path / "nothing.csv", user="nobody")


def test_scenes_are_rebuilt_and_compared(world):
    a_finished(world, [[0.1, 0.2, 0.3]])
    assert "Every scene says" in run("rebuild_uncertainty", check=True)
    Scene.objects.filter(pk=world.scenes[0].pk).update(max_frame_uncertainty=0.99)
    with pytest.raises(CommandError, match="1 scenes differ"):
        run("rebuild_uncertainty", check=True)
    assert "1 scenes looked at, 1 changed" in run("rebuild_uncertainty")
    assert "Every scene says" in run("rebuild_uncertainty", check=True)
