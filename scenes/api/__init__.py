"""The REST API of this app."""

from scenes.api.scenes import DriveViewSet, FrameViewSet, IngestJobViewSet, SceneViewSet

__all__ = ["DriveViewSet", "FrameViewSet", "IngestJobViewSet", "SceneViewSet"]
