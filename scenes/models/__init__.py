"""Facts about recorded data: drives, scenes, their frames, the files behind them, and the jobs that bring them in."""

from scenes.models.access import ApiToken, SiteAccess, TokenScope
from scenes.models.bulk import ACTIVE_BULK_STATES, UNDOABLE_KINDS, BulkChange, BulkKind, BulkState
from scenes.models.drives import Drive
from scenes.models.files import StoredFile
from scenes.models.frames import Frame, FrameQuerySet, FrameState
from scenes.models.ingest import ACTIVE_INGEST_STATES, IngestJob, IngestKind, IngestState
from scenes.models.labels import FrameLabels, LabelKind, LabelSet
from scenes.models.ontologies import Ontology, SemanticClass
from scenes.models.scenes import LabelingStatus, PositionState, Priority, Scene, SceneQuerySet, SceneTag, Tag
from scenes.models.uploads import Upload, UploadedFile, UploadedFileState, UploadState
from scenes.models.workflow import StatusChange

__all__ = [
    "ACTIVE_BULK_STATES",
    "ACTIVE_INGEST_STATES",
    "UNDOABLE_KINDS",
    "ApiToken",
    "BulkChange",
    "BulkKind",
    "BulkState",
    "Drive",
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
    "Scene",
    "SceneQuerySet",
    "SceneTag",
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
