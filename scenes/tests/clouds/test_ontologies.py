"""The ontologies that ship are complete and visible; a bad one is refused by the class at fault."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from scenes.clouds.cloud import CloudError
from scenes.clouds.labels import count_classes, map_labels, read_labels
from scenes.clouds.ontologies import Ontology, contrast, distance, load_shipped, parse_ontology
from scenes.simulator.classes import SemanticClass as SimulatedClass
from scenes.tests.clouds.samples import shared_file


def shipped(key: str) -> Ontology:
    """The shipped ontology `key`."""
    return {ontology.key: ontology for ontology in load_shipped()}[key]


@pytest.mark.parametrize(
    ("key", "classes", "raw_ids"),
    [
        ("ground_obstacle", 2, 3),
        ("semantic_kitti", 19, 34),
        ("nuscenes_lidarseg", 16, 32),
        ("asprs_las", 18, 23),
    ],
)
def test_each_shipped_ontology_has_its_published_size(key: str, classes: int, raw_ids: int) -> None:
    ontology = shipped(key)
    assert sum(not entry.ignored for entry in ontology.classes) == classes
    assert len(ontology.raw_to_index) == raw_ids
    assert [entry.index for entry in ontology.classes] == list(range(len(ontology.classes)))
    assert ontology.unknown_index == 0
    assert ontology.source
    assert ontology.description


def test_the_four_ship() -> None:
    assert [ontology.key for ontology in load_shipped()] == [
        "asprs_las",
        "ground_obstacle",
        "nuscenes_lidarseg",
        "semantic_kitti",
    ]


def test_the_raw_ids_of_containers_are_whole_ranges() -> None:
    assert sorted(shipped("nuscenes_lidarseg").raw_to_index) == list(range(32))
    assert shipped("asprs_las").raw_to_index == {code: code for code in range(23)}


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (0, "unlabeled"),
        (1, "unlabeled"),
        (52, "unlabeled"),
        (99, "unlabeled"),
        (10, "car"),
        (252, "car"),
        (254, "person"),
        (253, "bicyclist"),
        (257, "other-vehicle"),
        (258, "truck"),
        (60, "road"),
        (81, "traffic-sign"),
    ],
)
def test_semantic_kitti_merges_as_published(raw: int, name: str) -> None:
    ontology = shipped("semantic_kitti")
    assert ontology.classes[ontology.raw_to_index[raw]].name == name


def test_every_class_of_the_simulator_is_in_semantic_kitti() -> None:
    assert {int(entry) for entry in SimulatedClass} <= set(shipped("semantic_kitti").raw_to_index)


def test_all_real_labels_are_known() -> None:
    data = shared_file("mit-han-lab__spvnas/assets/000000.label")
    ontology = shipped("semantic_kitti")
    raw = read_labels(data, kind="semantic-kitti", points=123389).semantic
    mapped = map_labels(raw, ontology.raw_to_index, unknown=ontology.unknown_index)
    assert mapped.unknown == {}
    counts = count_classes(mapped.indices, len(ontology.classes))
    assert counts.sum() == 123389
    assert counts[1] == np.isin(raw, [10, 252]).sum() == 1534
    assert counts[0] == np.isin(raw, [0, 1, 52, 99]).sum() == 6924


def test_contrast_and_distance_of_known_colours() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert distance("#ffffff", "#000000") == pytest.approx(100, abs=0.01)
    assert distance("#ff0000", "#ff0000") == 0


def entry(index: int = 0, /, **changes: Any) -> dict[str, Any]:
    """A class of an ontology to be."""
    value = {"index": index, "name": f"class {index}", "colour": "#ffffff", "ignored": False}
    return value | {"raw_ids": [index]} | changes


def text(*classes: dict[str, Any]) -> str:
    """The JSON text of an ontology."""
    return json.dumps({"name": "A", "description": "B", "source": "C", "classes": classes})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "the text is no ontology"),
        ("[1]", "the text is no ontology"),
        ("[" * 100_000, "the text is no ontology: RecursionError"),
        (text(), "no classes"),
        (json.dumps({"classes": [entry()]}), "KeyError 'name'"),
        (text(entry(weight=2)), "unexpected keyword argument 'weight'"),
        (text({"index": 0}), "TypeError"),
        (text(entry(raw_ids=["7"])), "whole numbers, in class 'class 0'"),
        (text(entry(index=True)), "whole numbers"),
        (text(entry(ignored="no")), "ignored is true or false"),
        (text(entry(), entry(1, index=0, colour="#ff0000")), "the index 0 is used 2 times"),
        (text(entry(), entry(1, name="class 0", colour="#ff0000")), "the name 'class 0' is used 2 times"),
        (text(entry(), entry(1, raw_ids=[4, 0], colour="#ff0000")), "the raw id 0 is used 2 times"),
        (text(entry(index=-1)), r"the index -1 is outside 0\.\.65535"),
        (text(entry(raw_ids=[2**32])), r"a raw id is outside 0\.\.4294967295"),
        (text(entry(colour="red")), "the colour 'red' is not #rrggbb"),
        (text(entry(colour="#FFFFFF")), "is not #rrggbb"),
        (text(entry(colour="#202428")), "the colour #202428 is too dark to see"),
        (text(entry(), entry(1, colour="#fdfdff")), "of 'class 1' look alike"),
    ],
)
def test_a_bad_ontology_is_refused(content: str, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        parse_ontology("own", content)
    assert caught.value.file == "own"


def test_an_ontology_without_an_ignored_class_has_no_place_for_unknown_ids() -> None:
    with pytest.raises(CloudError, match="has no ignored class"):
        _ = parse_ontology("own", text(entry())).unknown_index
