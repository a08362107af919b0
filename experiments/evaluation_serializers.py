"""How evaluations and their figures look outside; pages, exports and API share it."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from experiments import evaluation_selectors as selectors
from experiments.evaluation_selectors import EvaluationDiff, Figures
from experiments.models import RunEvaluation

Numbers = serializers.ListField
Number = serializers.FloatField


class ContaminationSerializer(serializers.Serializer):
    """`state`: clean, contaminated or unknown. `scenes` were trained on themselves; of `drives` other scenes were."""

    state = serializers.CharField()
    scenes = serializers.IntegerField()
    drives = serializers.IntegerField()
    drive_scenes = serializers.IntegerField()
    runs = serializers.ListField(child=serializers.IntegerField())
    sentence = serializers.CharField()


class RunEvaluationSerializer(serializers.ModelSerializer[RunEvaluation]):
    """An evaluation of a list: what was compared, how far it is, and the numbers of the whole."""

    number = serializers.CharField(source="run.number", read_only=True)
    dataset = serializers.CharField(source="dataset_version.__str__", read_only=True)
    ontology: Any = serializers.SlugRelatedField(slug_field="name", read_only=True)
    started_by: Any = serializers.SlugRelatedField(slug_field="username", read_only=True)
    splits = serializers.ListField(child=serializers.CharField(), read_only=True)
    ious = serializers.ListField(child=serializers.FloatField(allow_null=True), read_only=True)
    range_edges = serializers.ListField(child=serializers.FloatField(), read_only=True)
    contamination = serializers.SerializerMethodField()
    outdated = serializers.BooleanField(read_only=True)

    class Meta:
        model = RunEvaluation
        fields = [
            "id", "run", "number", "dataset", "dataset_version", "ontology", "splits", "rule", "labels", "range_edges",
            "ranked_by", "state", "frames_done", "frames_total", "failure", "current", "supersedes", "started_by",
            "created_at", "started_at", "finished_at", "scene_count", "frame_count", "point_count",
            "without_prediction", "without_labels", "not_fitting", "miou", "fwiou", "accuracy", "ious", "ece", "mce",
            "aurc", "ause", "contamination", "outdated", "outdated_at", "outdated_reason",
        ]  # fmt: skip

    def get_contamination(self, evaluation: RunEvaluation) -> dict[str, Any]:
        return contamination_facts(evaluation)


def contamination_facts(evaluation: RunEvaluation) -> dict[str, Any]:
    """The contamination of an evaluation as a document."""
    found = selectors.contamination(evaluation)
    return asdict(found) | {"sentence": found.sentence}


class MismatchSerializer(serializers.Serializer):
    key = serializers.CharField()
    what = serializers.CharField()
    reported = serializers.FloatField()
    computed = serializers.FloatField()
    tolerance = serializers.FloatField()
    sentence = serializers.CharField()


class RunEvaluationDetailSerializer(RunEvaluationSerializer):
    """One evaluation, with the frames that could not be compared and the numbers that the run reports otherwise."""

    missing = serializers.ListField(child=serializers.DictField(), read_only=True)
    mismatches = serializers.SerializerMethodField()
    outdated_sentence = serializers.SerializerMethodField()

    class Meta(RunEvaluationSerializer.Meta):
        fields = [*RunEvaluationSerializer.Meta.fields, "missing", "mismatches", "outdated_sentence"]

    def get_mismatches(self, evaluation: RunEvaluation) -> list[dict[str, Any]]:
        return [asdict(one) | {"sentence": one.sentence} for one in selectors.mismatches(evaluation)]

    def get_outdated_sentence(self, evaluation: RunEvaluation) -> str:
        return selectors.outdated_sentence(evaluation)


class ClassDocument(serializers.Serializer):
    index = serializers.IntegerField()
    name = serializers.CharField()
    colour = serializers.CharField()
    ignored = serializers.BooleanField()


class FiguresDocument(serializers.Serializer):
    """Lists are by class index. `confusion` has a row for each true class. null: there is no such number."""

    name = serializers.CharField(required=False)
    rule = serializers.CharField()
    classes = ClassDocument(many=True)
    confusion = Numbers(child=Numbers(child=serializers.IntegerField()))
    iou = Numbers(child=Number(allow_null=True))
    precision = Numbers(child=Number(allow_null=True))
    recall = Numbers(child=Number(allow_null=True))
    support = Numbers(child=serializers.IntegerField())
    miou = Number(allow_null=True)
    fwiou = Number(allow_null=True)
    accuracy = Number(allow_null=True)
    ece = Number(allow_null=True)
    mce = Number(allow_null=True)
    aurc = Number(allow_null=True)
    e_aurc = Number(allow_null=True)
    ause = Number(allow_null=True)
    points = serializers.IntegerField()
    frames = serializers.IntegerField()
    scenes = serializers.IntegerField()
    contamination = ContaminationSerializer()


SAME = (
    "rule", "classes", "iou", "precision", "recall", "support", "miou", "fwiou", "accuracy", "ece", "mce", "aurc",
    "e_aurc", "ause", "points", "frames", "scenes",
)  # fmt: skip


def figures_document(evaluation: RunEvaluation, figures: Figures) -> dict[str, Any]:
    """Figures as JSON knows them."""
    same = {name: getattr(figures, name) for name in SAME}
    return same | {"confusion": figures.confusion.tolist(), "contamination": contamination_facts(evaluation)}


class SceneFiguresDocument(serializers.Serializer):
    scene = serializers.IntegerField()
    name = serializers.CharField()
    split = serializers.CharField()
    frames = serializers.IntegerField()
    points = serializers.IntegerField()
    miou = Number(allow_null=True)
    iou = Numbers(child=Number(allow_null=True))
    accuracy = Number(allow_null=True)
    label_set = serializers.IntegerField(allow_null=True)
    frames_missing = serializers.IntegerField()


class FrameFiguresDocument(serializers.Serializer):
    frame = serializers.IntegerField()
    name = serializers.CharField()
    index = serializers.IntegerField()
    points = serializers.IntegerField()
    miou = Number(allow_null=True)
    iou = Numbers(child=Number(allow_null=True))
    accuracy = Number(allow_null=True)
    correct = serializers.IntegerField()


class ConfusedFrameDocument(serializers.Serializer):
    frame = serializers.IntegerField()
    frame_name = serializers.CharField()
    index = serializers.IntegerField()
    scene = serializers.IntegerField()
    scene_name = serializers.CharField()
    points = serializers.IntegerField()


class DiffFrameDocument(serializers.Serializer):
    frame = serializers.IntegerField()
    name = serializers.CharField()
    index = serializers.IntegerField()
    scene = serializers.IntegerField()
    scene_name = serializers.CharField()
    before = Number()
    after = Number()
    delta = Numbers(child=Number(allow_null=True))


class DiffDocument(serializers.Serializer):
    """From this evaluation to the other one, on the frames that both compared; `delta` by class index."""

    fixed = DiffFrameDocument(many=True)
    broken = DiffFrameDocument(many=True)
    still_hard = DiffFrameDocument(many=True)
    fixed_count = serializers.IntegerField()
    broken_count = serializers.IntegerField()
    still_hard_count = serializers.IntegerField()
    hard = Number()
    delta = Numbers(child=Number(allow_null=True))
    miou = Numbers(child=Number(allow_null=True))
    shared = serializers.IntegerField()
    only_a = serializers.IntegerField()
    only_b = serializers.IntegerField()
    other_labels = serializers.IntegerField()


def diff_document(diff: EvaluationDiff) -> dict[str, Any]:
    return asdict(diff)
