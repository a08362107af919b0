"""Ontologies, label sets and the labels of single frames to read."""

from scenes.api.pages import KeysetPages, ReadOnly
from scenes.filters import FrameLabelsFilterSet, LabelSetFilterSet, OntologyFilterSet
from scenes.models import FrameLabels, LabelSet, Ontology
from scenes.serializers import FrameLabelsSerializer, LabelSetSerializer, OntologySerializer


class InFrameOrder(KeysetPages):
    ordering = ("label_set", "frame")


class OntologyViewSet(ReadOnly):
    queryset = Ontology.objects.prefetch_related("classes")
    serializer_class = OntologySerializer
    filterset_class = OntologyFilterSet


class LabelSetViewSet(ReadOnly):
    queryset = LabelSet.objects.select_related("ontology", "author")
    serializer_class = LabelSetSerializer
    filterset_class = LabelSetFilterSet


class FrameLabelsViewSet(ReadOnly):
    queryset = FrameLabels.objects.select_related("frame", "classes", "original")
    serializer_class = FrameLabelsSerializer
    filterset_class = FrameLabelsFilterSet
    pagination_class = InFrameOrder
