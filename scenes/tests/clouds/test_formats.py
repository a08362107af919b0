"""A file finds its reader by its name, and the room stays free of the framework."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scenes.clouds.cloud import CloudError, Limits
from scenes.clouds.formats import FORMATS, format_for
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


def test_no_two_formats_claim_the_same_suffix() -> None:
    suffixes = [suffix for entry in FORMATS for suffix in entry.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in suffixes)


def test_the_room_needs_neither_the_framework_nor_a_decoder_to_be_imported() -> None:
    code = (
        "import sys; from scenes.clouds import formats, sidecars, statistics, thumbnail, tiles;"
        "loaded = {name.split('.')[0] for name in sys.modules};"
        "print(sorted(loaded & {'django', 'celery', 'imagecodecs', 'open3d'}))"
    )
    checkout = Path(__file__).resolve().parents[3]
    run = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
