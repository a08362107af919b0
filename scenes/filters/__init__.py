"""One filter for each model: pages, builder, admin and API share it."""

import django_filters

from scenes.filters.others import (
    BulkChangeFilterSet,
    CommentFilterSet,
    DriveFilterSet,
    FrameFilterSet,
    FrameLabelsFilterSet,
    IngestJobFilterSet,
    LabelSetFilterSet,
    OntologyFilterSet,
    SavedViewFilterSet,
    SceneExportFilterSet,
    UploadedFileFilterSet,
    UploadFilterSet,
)
from scenes.filters.scenes import AssignmentFilterSet, SceneFilterSet, filtered_scenes

__all__ = [
    "AssignmentFilterSet",
    "BulkChangeFilterSet",
    "CommentFilterSet",
    "DriveFilterSet",
    "FrameFilterSet",
    "FrameLabelsFilterSet",
    "IngestJobFilterSet",
    "LabelSetFilterSet",
    "OntologyFilterSet",
    "SavedViewFilterSet",
    "SceneExportFilterSet",
    "SceneFilterSet",
    "UploadFilterSet",
    "UploadedFileFilterSet",
    "filtered_scenes",
    "known_parameters",
]


def known_parameters(filterset: django_filters.FilterSet) -> set[str]:
    """The names under which a request may give this filter its values; a range has one for each end."""
    fields = filterset.get_form_class().base_fields
    ends = {name: getattr(field.widget, "suffixes", None) for name, field in fields.items()}
    return {f"{name}_{end}" for name, known in ends.items() for end in known or []} | {
        name for name, known in ends.items() if not known
    }
