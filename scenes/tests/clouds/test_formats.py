"""A file finds its reader by its name, and the room stays free of the framework."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scenes.clouds.cloud import CloudError, Limits
from scenes.clouds.formats import FORMATS, format_for, format_named
from scenes.tests.clouds.samples import pcd_file


@pytest.mark.parametrize("filename", ["000001.pcd", "drive/лидар 7.PCD", "a.b.pcd"])
def test_a_pcd_file_is_read_by_the_pcd_reader(filename: str) -> None:
    cloud = format_for(filename).read(pcd_file(), name=filename, limits=Limits())
    assert len(cloud) == 3


@pytest.mark.parametrize("filename", ["notes.txt", "pcd", "cloud.pcd.zip", ""])
def test_an_unknown_format_is_refused_with_what_is_supported(filename: str) -> None:
    with pytest.raises(CloudError, match=r"not supported.*Supported are: PCD \(\.pcd\)") as caught:
        format_for(filename)
    assert caught.value.file == filename


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("a.ply", "PLY"),
        ("n015__LIDAR_TOP__1532402927647951.pcd.bin", "nuScenes"),
        ("A.PCD.BIN", "nuScenes"),
    ],
)
def test_the_container_tells_the_format(filename: str, name: str) -> None:
    assert format_for(filename).name == name


@pytest.mark.parametrize("filename", ["000000.bin", "drive/7.BIN", "x_lidarseg.bin"])
def test_a_bare_bin_file_must_be_declared(filename: str) -> None:
    with pytest.raises(CloudError, match="Declare the kind: --format kitti or --format nuscenes") as caught:
        format_for(filename)
    assert caught.value.file == filename


@pytest.mark.parametrize(
    ("kind", "name"), [("kitti", "KITTI"), (" NuScenes ", "nuScenes"), ("pcd", "PCD"), ("ply", "PLY")]
)
def test_a_format_is_declared_by_its_name(kind: str, name: str) -> None:
    assert format_named(kind).name == name


def test_every_format_can_be_declared_and_no_two_have_one_name() -> None:
    assert [format_named(entry.name) for entry in FORMATS] == list(FORMATS)
    with pytest.raises(CloudError, match=r"no format named 'bin'.*Use one of: pcd, "):
        format_named("bin")


def test_no_two_formats_claim_the_same_suffix() -> None:
    suffixes = [suffix for entry in FORMATS for suffix in entry.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in suffixes)


def test_the_room_needs_neither_the_framework_nor_a_decoder_to_be_imported() -> None:
    code = (
        "import sys; from scenes.clouds import formats, labels, ontologies;"
        "from scenes.clouds import statistics, thumbnail, tiles, tracks, trees;"
        "loaded = {name.split('.')[0] for name in sys.modules};"
        "print(sorted(loaded & {'django', 'celery', 'imagecodecs', 'open3d'}))"
    )
    checkout = Path(__file__).resolve().parents[3]
    run = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
