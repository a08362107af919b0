"""The REST API of this app."""

from datasets.api.datasets import DatasetViewSet
from datasets.api.exports import DatasetExportViewSet
from datasets.api.importing import ImportLabels
from datasets.api.parts import ItemViewSet, SliceViewSet, VerificationViewSet
from datasets.api.versions import DatasetVersionViewSet

__all__ = [
    "DatasetExportViewSet",
    "DatasetVersionViewSet",
    "DatasetViewSet",
    "ImportLabels",
    "ItemViewSet",
    "SliceViewSet",
    "VerificationViewSet",
]
