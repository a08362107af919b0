"""Facts about recorded data: drives, scenes, their frames, the files behind them, and the jobs that bring them in."""

from scenes.models.drives import Drive
from scenes.models.files import StoredFile
from scenes.models.frames import Frame, FrameQuerySet, FrameState
from scenes.models.ingest import ACTIVE_INGEST_STATES, IngestJob, IngestKind, IngestState
from scenes.models.labels import FrameLabels, LabelKind, LabelSet
from scenes.models.ontologies import Ontology, SemanticClass
from scenes.models.scenes import LabelingStatus, PositionState, Scene, SceneQuerySet, SceneTag, Tag
from scenes.models.uploads import Upload, UploadedFile, UploadState

__all__ = [
    "ACTIVE_INGEST_STATES",
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
    "Scene",
    "SceneQuerySet",
    "SceneTag",
    "SemanticClass",
    "StoredFile",
    "Tag",
    "Upload",
    "UploadState",
    "UploadedFile",
]
