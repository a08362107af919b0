"""Facts about datasets: named, versioned sets of scenes with splits, slices, and what was promised of them."""

from datasets.models.datasets import Dataset
from datasets.models.exports import (
    ACTIVE_EXPORT_STATES,
    READY_EXPORT_STATES,
    DatasetExport,
    ExportFormat,
    ExportState,
)
from datasets.models.items import Acknowledgement, Item, Slice, SliceItem
from datasets.models.verifications import ACTIVE_VERIFICATION_STATES, Verification, VerificationState
from datasets.models.versions import Balance, DatasetVersion, Grouping, Split, VersionState

__all__ = [
    "ACTIVE_EXPORT_STATES",
    "ACTIVE_VERIFICATION_STATES",
    "READY_EXPORT_STATES",
    "Acknowledgement",
    "Balance",
    "Dataset",
    "DatasetExport",
    "DatasetVersion",
    "ExportFormat",
    "ExportState",
    "Grouping",
    "Item",
    "Slice",
    "SliceItem",
    "Split",
    "Verification",
    "VerificationState",
    "VersionState",
]
