"""What a tree says about one scene."""

from __future__ import annotations

from dataclasses import dataclass

from scenes.clouds.cloud import Viewpoint


@dataclass(frozen=True)
class TreeFrame:
    """One frame and its files, by their paths in the tree.

    Attributes:
        cloud: its point cloud.
        number: which line of the scene's files of times and poses belongs to it, counted from 0.
        labels: its labels per point, None without.
        position: its oxts file, None without.
        nanoseconds: when it was taken, since 1970 (UTC), where tables tell it.
        pose: of the LiDAR in the map, (tx, ty, tz, qw, qx, qy, qz), where tables tell it.
    """

    cloud: str
    number: int
    labels: str | None = None
    position: str | None = None
    nanoseconds: int | None = None
    pose: Viewpoint | None = None


@dataclass(frozen=True)
class TreeScene:
    """One scene, and how its files are to be read.

    Attributes:
        name: unique in the tree.
        drive: name of the recording that it comes from; scenes of one drive share it.
        frames: in order of time.
        format: name of the format of the clouds, for `formats.format_named`.
        label_kind: of the label files, for `labels.read_labels`; None without labels.
        ontology: key of the ontology that the labels are in; None without labels.
        times: path of a file with a time per frame, None without.
        poses, calibration: paths of KITTI's poses.txt and calib.txt, None without.
        vehicle, location, date: of the drive, "" where not known; the date as YYYY-MM-DD.
        description: what the tree says about the scene in words, or "".
        missing: paths that tables declare and the tree does not hold.
    """

    name: str
    drive: str
    frames: tuple[TreeFrame, ...]
    format: str
    label_kind: str | None = None
    ontology: str | None = None
    times: str | None = None
    poses: str | None = None
    calibration: str | None = None
    vehicle: str = ""
    location: str = ""
    date: str = ""
    description: str = ""
    missing: tuple[str, ...] = ()

    @property
    def positions(self) -> tuple[str, ...]:
        """The oxts files of the frames that have one, in frame order."""
        return tuple(frame.position for frame in self.frames if frame.position)
