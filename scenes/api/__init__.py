"""The REST API of this app."""

from scenes.api.bulk import BulkChangeViewSet
from scenes.api.comments import CommentViewSet
from scenes.api.exports import SceneExportViewSet
from scenes.api.labels import FrameLabelsViewSet, LabelSetViewSet, OntologyViewSet
from scenes.api.scenes import DriveViewSet, FrameViewSet, IngestJobViewSet, SceneViewSet
from scenes.api.uploads import UploadedFileViewSet, UploadViewSet
from scenes.api.views import SavedViewViewSet
from scenes.api.working import AssignmentViewSet

__all__ = [
    "AssignmentViewSet",
    "BulkChangeViewSet",
    "CommentViewSet",
    "DriveViewSet",
    "FrameLabelsViewSet",
    "FrameViewSet",
    "IngestJobViewSet",
    "LabelSetViewSet",
    "OntologyViewSet",
    "SavedViewViewSet",
    "SceneExportViewSet",
    "SceneViewSet",
    "UploadViewSet",
    "UploadedFileViewSet",
]
