"""Trees of known datasets: which scenes lie in a list of paths, and which small files belong to which frame.

The kind of tree is declared. Nothing is read but the tables of nuScenes, through a function that is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from scenes.clouds.cloud import CloudError
from scenes.clouds.trees.kitti import kitti_raw_scenes, semantic_kitti_scenes
from scenes.clouds.trees.nuscenes import nuscenes_scenes
from scenes.clouds.trees.scene import TreeFrame, TreeScene

__all__ = ["TREE_KINDS", "TreeFrame", "TreeScene", "find_tree_scenes"]

TREE_KINDS = ("semantic-kitti", "kitti-raw", "nuscenes")


def find_tree_scenes(
    kind: str, paths: Iterable[str], *, read: Callable[[str], bytes], sweeps: bool = False
) -> list[TreeScene]:
    """The scenes of a tree of the declared `kind`, by name.

    `paths` are those of all files, relative, with slashes. `read` gives the bytes of one of them. `sweeps`
    adds nuScenes' frames between key frames, which have no labels. Raises CloudError when the kind is
    unknown, when no scene of it is found, and when a file belongs to no frame or a table is damaged.
    """
    if kind not in TREE_KINDS:
        raise CloudError(f"there is no tree named {kind[:40]!r}", f"Use one of: {', '.join(TREE_KINDS)}.")
    known = sorted(set(paths))
    if kind == "nuscenes":
        scenes = nuscenes_scenes(known, read, sweeps=sweeps)
    else:
        scenes = semantic_kitti_scenes(known) if kind == "semantic-kitti" else kitti_raw_scenes(known)
    if not scenes:
        raise CloudError(
            f"there is no scene of the tree {kind}: {LAYOUTS[kind]} is missing",
            "Give the folder that holds the tree, or declare another kind.",
        )
    return sorted(scenes, key=lambda scene: scene.name)


LAYOUTS = {
    "semantic-kitti": "sequences/<number>/velodyne/<frame>.bin",
    "kitti-raw": "<date>/<drive>/velodyne_points/data/<frame>.bin",
    "nuscenes": "samples/LIDAR_TOP/<frame>.pcd.bin, as the tables tell it,",
}
