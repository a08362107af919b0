"""Facts about recorded data: drives, scenes, their frames, the files behind them, and the jobs that bring them in."""

from scenes.models.access import ApiToken, SiteAccess, TokenScope
from scenes.models.bulk import ACTIVE_BULK_STATES, UNDOABLE_KINDS, BulkChange, BulkKind, BulkState
from scenes.models.comments import Comment, CommentQuerySet
from scenes.models.drives import Drive
from scenes.models.exports import ACTIVE_EXPORT_STATES, ExportFormat, ExportState, SceneExport
from scenes.models.files import StoredFile
from scenes.models.frames import Frame, FrameQuerySet, FrameState
from scenes.models.ingest import ACTIVE_INGEST_STATES, IngestJob, IngestKind, IngestState
from scenes.models.labels import FrameLabels, LabelKind, LabelSet
from scenes.models.ontologies import Ontology, SemanticClass
from scenes.models.scenes import LabelingStatus, PositionState, Priority, Scene, SceneQuerySet, SceneTag, Tag
from scenes.models.search import SearchText
from scenes.models.uploads import Upload, UploadedFile, UploadedFileState, UploadState
from scenes.models.views import ExplorerDensity, ExplorerLayout, ExplorerPreferences, SavedView
from scenes.models.workflow import StatusChange

__all__ = [
    "ACTIVE_BULK_STATES",
    "ACTIVE_EXPORT_STATES",
    "ACTIVE_INGEST_STATES",
    "UNDOABLE_KINDS",
    "ApiToken",
    "BulkChange",
    "BulkKind",
    "BulkState",
    "Comment",
    "CommentQuerySet",
    "Drive",
    "ExplorerDensity",
    "ExplorerLayout",
    "ExplorerPreferences",
    "ExportFormat",
    "ExportState",
    "Frame",
    "FrameLabels",
    "FrameQuerySet",
    "FrameState",
    "IngestJob",
    "IngestKind",
    "IngestState",
    "LabelKind",
    "LabelSet",
    "LabelingStatus",
    "Ontology",
    "PositionState",
    "Priority",
    "SavedView",
    "Scene",
    "SceneExport",
    "SceneQuerySet",
    "SceneTag",
    "SearchText",
    "SemanticClass",
    "SiteAccess",
    "StatusChange",
    "StoredFile",
    "Tag",
    "TokenScope",
    "Upload",
    "UploadState",
    "UploadedFile",
    "UploadedFileState",
]
