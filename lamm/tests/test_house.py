"""The house rules of LAMM, executable; each rule is also shown to catch a violation."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db import models

from lamm.tests import house_rules as rules

ROOT = Path(settings.BASE_DIR)
FILES = [(str(path.relative_to(ROOT)), path.read_text()) for path in rules.python_files(ROOT)]
MODELS = [model for model in apps.get_models() if model._meta.app_label in rules.APP_ORDER]

UNTRACKED = {
    "EnsembleMember": "written once with its version, which is tracked",
    "GateResult": "is itself a record: rows are added and never changed",
    "GateScene": "written once with its gate, which is tracked",
    "StageTransition": "is itself a record: rows are added and never changed",
    "Waiver": "is itself a record: rows are added and never changed",
    "WebhookDelivery": "is itself the record of attempts to deliver",
    "Acknowledgement": "is itself a record, written once when its version is frozen",
    "BulkChange": "is itself the record of a change, whose effects have their own rows",
    "EvaluationMember": "written once with its evaluation, which is tracked; triggers keep it",
    "PointScores": "written while its evaluation is a draft; triggers keep it once that is finished",
    "SceneScores": "written while its evaluation is a draft; triggers keep it once that is finished",
    "ExplorerPreferences": "how somebody likes a page, no fact that others rely on",
    "DatasetInput": "written once with its run, which is tracked",
    "Frame": "written by ingestion from an immutable file; the job and the scene tell of it",
    "FrameLabels": "written once with its label set, which is tracked",
    "FrameSums": "follows from predictions and labels; its evaluation is tracked",
    "SceneSums": "follows from the sums of its frames; its evaluation is tracked",
    "SearchText": "follows from scenes, drives and tags, which have history",
    "SceneExport": "is itself the record of a download: nothing but its progress changes",
    "MetricBucket": "follows from the points of its metric",
    "MetricPoint": "is itself a record: rows are added and never changed",
    "MetricSeries": "follows from its points",
    "RunEnvironment": "the long part of a run, which is tracked; noted by the script itself",
    "RunPreferences": "how somebody likes a page, no fact that others rely on",
    "RunParameter": "written once with its run, which is tracked, and never changed",
    "SiteAccess": "has no rows",
    "SliceItem": "a part of a slice, which is tracked",
    "StatusChange": "is itself a record: rows are added and never changed",
    "StoredFile": "content-addressed: its digest is what it is",
    "UploadedFile": "a part of an upload, which is tracked, while it arrives",
    "Verification": "is itself a record of a check",
}


def tasks_of_ours() -> list[object]:
    current_app.loader.import_default_modules()
    return [task for name, task in current_app.tasks.items() if name.split(".")[0] in rules.APP_ORDER]


class TestTheHouse:
    def test_files_are_found_at_all(self):
        assert {"manage.py", "scenes/ingest.py", "lamm/urls.py"} <= {name for name, _ in FILES}
        assert len(MODELS) >= 6

    def test_files_are_short(self):
        assert rules.long_files(FILES) == []

    def test_functions_are_short(self):
        assert rules.long_functions(FILES) == []

    def test_nothing_imports_a_star(self):
        assert rules.star_imports(FILES) == []

    def test_no_module_is_a_catch_all(self):
        assert rules.homeless_modules(name for name, _ in FILES) == []

    def test_nothing_receives_signals(self):
        assert rules.signal_receivers(FILES) == []

    def test_foreign_keys_point_down(self):
        assert rules.upward_foreign_keys(MODELS) == []

    def test_foreign_keys_have_a_related_name(self):
        assert rules.nameless_foreign_keys(MODELS) == []

    def test_models_have_a_history_or_a_reason(self):
        assert rules.untracked_models(MODELS, UNTRACKED) == []

    def test_histories_have_what_the_audit_needs(self):
        assert rules.plain_histories(MODELS) == []

    def test_constraints_are_named(self):
        assert rules.nameless_constraints(MODELS) == []

    def test_every_task_has_time_limits(self):
        tasks = tasks_of_ours()
        assert tasks
        assert rules.limitless_tasks(tasks) == []

    def test_a_page_its_template_and_its_test_share_one_name(self):
        assert rules.pages_without_their_parts(ROOT) == []


class TestEachRuleCatchesAViolation:
    def test_a_long_file(self):
        assert rules.long_files([("a.py", "x = 1\n" * 401)]) == ["a.py has 401 lines, 400 are allowed"]

    def test_a_long_function(self):
        body = "def f():\n" + "    x = 1\n" * 50
        assert rules.long_functions([("a.py", body)]) == ["a.py:1 f has 51 lines"]

    def test_a_star_import(self):
        assert rules.star_imports([("a.py", "from os import *\n")]) == ["a.py:1 imports *"]

    @pytest.mark.parametrize("name", ["scenes/utils.py", "lamm/helpers/text.py", "datasets/core/models.py"])
    def test_a_catch_all_module(self, name):
        assert len(rules.homeless_modules([name])) == 1

    def test_a_signal_receiver(self):
        source = "@receiver(post_save)\ndef f(sender): ...\n"
        assert rules.signal_receivers([("a.py", source)]) == ["a.py:1 receives a signal"]

    def test_a_foreign_key_that_points_up(self):
        upper = SimpleNamespace(_meta=SimpleNamespace(app_label="uncertainty"))
        upward = SimpleNamespace(is_relation=True, name="score", related_model=type("Score", (), vars(upper)))
        model = type("Scene", (), {"_meta": SimpleNamespace(app_label="scenes", local_fields=[upward])})
        assert rules.upward_foreign_keys([model]) == ["Scene.score points up, from scenes to uncertainty"]

    def test_a_foreign_key_without_a_related_name(self):
        field = models.ForeignKey("scenes.Scene", on_delete=models.CASCADE)
        field.name, field.is_relation = "scene", True
        field.remote_field.model = next(model for model in MODELS if model.__name__ == "Scene")
        model = type("Extra", (), {"_meta": SimpleNamespace(app_label="datasets", local_fields=[field])})
        assert rules.nameless_foreign_keys([model]) == ["Extra.scene has no related_name"]

    def test_a_model_without_history_or_reason(self):
        bare, tracked = type("Bare", (), {}), type("Tracked", (), {"history": None})
        reasons = {"Tracked": "none", "Gone": "none"}
        assert rules.untracked_models([bare, tracked], reasons) == [
            "Bare has no history and no reason why not",
            "Tracked has a history and a reason not to have one",
            "Gone has a reason and is no model",
        ]

    def test_a_history_that_the_audit_can_not_read(self):
        meta = SimpleNamespace(_meta=SimpleNamespace(fields=[SimpleNamespace(name="door")]))
        plain = type("Plain", (), {"history": SimpleNamespace(model=meta)})
        assert len(rules.plain_histories([plain])) == 1

    def test_an_unnamed_constraint(self):
        meta = SimpleNamespace(app_label="scenes", unique_together=(("a", "b"),))
        assert len(rules.nameless_constraints([type("Pair", (), {"_meta": meta})])) == 1

    def test_a_task_without_limits(self):
        task = SimpleNamespace(name="scenes.tasks.forever", time_limit=None, soft_time_limit=None)
        assert rules.limitless_tasks([task]) == ["the task scenes.tasks.forever has no time limits of its own"]

    def test_a_page_without_a_template(self, tmp_path):
        (tmp_path / "lamm/pages").mkdir(parents=True)
        (tmp_path / "lamm/pages/hotspots.py").touch()
        assert rules.pages_without_their_parts(tmp_path) == [
            "the page hotspots has no templates/pages/hotspots.html",
            "the page hotspots has no lamm/tests/test_hotspots_page.py",
        ]
