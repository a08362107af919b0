"""The REST API of this app."""

from datasets.api.datasets import DatasetViewSet
from datasets.api.parts import ItemViewSet, SliceViewSet, VerificationViewSet
from datasets.api.versions import DatasetVersionViewSet

__all__ = ["DatasetVersionViewSet", "DatasetViewSet", "ItemViewSet", "SliceViewSet", "VerificationViewSet"]
