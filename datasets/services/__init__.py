"""What may be done with datasets: verbs, keyword-only, one transaction each, the actor passed as `by`."""

from datasets.services.drafting import create_dataset, describe_dataset, discard_draft, new_version, set_notes
from datasets.services.exporting import cancel_export, request_export
from datasets.services.freezing import deprecate, draw_splits, freeze
from datasets.services.importing import Imported, import_labels
from datasets.services.planning import set_plan
from datasets.services.slicing import remove_slice, set_slice
from datasets.services.staging import Added, add_scenes, remove_scenes, set_split
from datasets.services.verifying import request_verification, verify

__all__ = [
    "Added",
    "Imported",
    "add_scenes",
    "cancel_export",
    "create_dataset",
    "deprecate",
    "describe_dataset",
    "discard_draft",
    "draw_splits",
    "freeze",
    "import_labels",
    "new_version",
    "remove_scenes",
    "remove_slice",
    "request_export",
    "request_verification",
    "set_notes",
    "set_plan",
    "set_slice",
    "set_split",
    "verify",
]
