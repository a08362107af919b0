"""Frozen versions through the client: frames with everything, the cache, and no server."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import pickle
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamm_client as lamm
from datasets import services as dataset_services
from datasets.models import DatasetVersion
from lamm_client.cache import Cache
from scenes.models import Frame, Scene
from tests.reading import read_share
from tests.stories import NAME, POINTS, a_curator, a_dataset, a_scene, classes_of, cloud_of, frozen

VERSION = f"{NAME}@v1"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def offline(live_server: Any) -> lamm.Connection:
    return lamm.connect(live_server.url, "lamm_none", offline=True)


def test_a_version_says_what_it_is(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    version = a_dataset(tmp_path)
    dataset = connection.dataset(VERSION, cache=cache)
    assert (dataset.name, dataset.number, dataset.digest, dataset.state) == (NAME, 1, version.digest, "frozen")
    assert dataset.splits == ("train", "val")
    assert dataset.ontology is not None
    assert dataset.ontology.name == "SemanticKITTI"
    assert dataset.ontology["road"].index == 9
    assert repr(dataset) == f"<{VERSION}, frozen, frames: train 4, val 2>"
    assert dataset["train"].scenes() == ["a-night", "b-night"]


def test_frames_have_points_labels_and_facts(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    a_dataset(tmp_path)
    pose = [float(number) for number in range(12)]
    Frame.objects.filter(scene__name="a-night", index=1).update(pose=pose, latitude=48.1, longitude=11.5)
    frames = list(connection.dataset(VERSION, cache=cache)["train"])
    assert [(frame.scene, frame.name, frame.index) for frame in frames] == [
        ("a-night", "000000.pcd", 0),
        ("a-night", "000001.pcd", 1),
        ("b-night", "000000.pcd", 0),
        ("b-night", "000001.pcd", 1),
    ]
    frame = frames[1]
    row = Frame.objects.get(scene__name="a-night", index=1)
    assert (frame.id, frame.scene_id, frame.timestamp_ns) == (row.pk, row.scene_id, row.timestamp_ns)
    assert frame.points.dtype.names == cloud_of(1).dtype.names
    assert frame.points.tobytes() == cloud_of(1).tobytes()
    assert frame.positions.dtype == np.float32
    np.testing.assert_array_equal(frame.positions[:, 2], cloud_of(1)["z"])
    np.testing.assert_array_equal(frame.labels, classes_of(1))
    np.testing.assert_array_equal(frame.pose, np.reshape(pose, (3, 4)))
    assert (frame.latitude, frame.longitude, len(frame)) == (48.1, 11.5, POINTS)
    assert frames[0].pose is None


def test_a_split_is_a_sequence(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    a_dataset(tmp_path)
    train = connection.dataset(VERSION, cache=cache)["train"]
    names = [f"{frame.scene}/{frame.name}" for frame in train]
    assert names == [f"{frame.scene}/{frame.name}" for frame in connection.dataset(VERSION, cache=cache)["train"]]
    assert (len(train), len(train[1:3]), train[-1].scene) == (4, 2, "b-night")
    assert [frame.name for frame in train[::2]] == ["000000.pcd", "000000.pcd"]
    with pytest.raises(IndexError):
        train[4]
    with pytest.raises(lamm.LammError, match="It has: train, val"):
        connection.dataset(VERSION, cache=cache)["test"]


def test_epochs_and_shares_hold_every_frame_once(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    a_dataset(tmp_path)
    train = connection.dataset(VERSION, cache=cache)["train"]
    whole = {frame.id for frame in train}
    epochs = [[frame.id for frame in train.epoch(number, seed=3)] for number in range(8)]
    assert all(set(epoch) == whole for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert epochs[5] == [frame.id for frame in train.epoch(5, seed=3)]
    shares = [[frame.id for frame in train.epoch(5, seed=3).share(index, 3)] for index in range(3)]
    assert sorted(map(len, shares)) == [1, 1, 2]
    assert sorted(chain.from_iterable(shares)) == sorted(whole)
    with pytest.raises(lamm.LammError, match="no part 3 of 3"):
        train.share(3, 3)


@pytest.mark.parametrize("suffix", ["ply", "lzf"])
def test_formats_that_the_client_does_not_read_come_decoded(
    connection: lamm.Connection, offline: lamm.Connection, cache: Cache, tmp_path: Path, suffix: str
) -> None:
    frozen([a_scene(tmp_path, "a-night", suffixes=(suffix, suffix))])
    assert connection.dataset(VERSION, cache=cache).download().fetched == 2
    for dataset in (connection.dataset(VERSION, cache=cache), offline.dataset(VERSION, cache=cache)):
        for index, frame in enumerate(dataset["train"]):
            assert frame.is_local()
            assert frame.points.tobytes() == cloud_of(index).tobytes()
            np.testing.assert_array_equal(frame.labels, classes_of(index))


def test_labels_are_mapped_by_name_by_dictionary_and_by_array(
    connection: lamm.Connection, offline: lamm.Connection, cache: Cache, tmp_path: Path
) -> None:
    a_dataset(tmp_path)
    dataset = connection.dataset(VERSION, cache=cache)
    truth = classes_of(0)

    def labels(mapped: lamm.Dataset) -> Any:
        return mapped["train"][0].labels

    chosen = dataset.mapped({"road": 0, 13: 1}, unmatched="ignore")
    np.testing.assert_array_equal(labels(chosen), np.where(truth == 9, 0, 1))
    ignored = dataset.mapped({"road": 0, "building": None}, unmatched="ignore", ignore_index=99)
    np.testing.assert_array_equal(labels(ignored), np.where(truth == 9, 0, 99))
    assert ignored.ignore_index == 99
    reversed_ids = np.arange(20)[::-1]
    np.testing.assert_array_equal(labels(dataset.mapped(reversed_ids)), reversed_ids[truth])
    np.testing.assert_array_equal(labels(dataset.mapped()), truth)
    by_name = dataset.mapped("nuScenes lidarseg", unmatched="ignore")
    np.testing.assert_array_equal(labels(by_name), np.full(POINTS, 255))  # it has neither road nor building
    assert by_name.table is not None
    assert by_name.table[dataset.ontology["car"].index] == 4
    again = offline.dataset(VERSION, cache=cache).mapped("nuScenes lidarseg", unmatched="ignore")
    np.testing.assert_array_equal(again.table, by_name.table)
    with pytest.raises(lamm.LammError, match=r"Nothing is said of .*person"):
        dataset.mapped("nuScenes lidarseg")
    with pytest.raises(lamm.LammError, match="has no class 'tram'"):
        dataset.mapped({"tram": 1})
    with pytest.raises(lamm.LammError, match="20 classes"):
        dataset.mapped([1, 2])
    with pytest.raises(lamm.LammError, match="no ontology 'Cityscapes'"):
        dataset.mapped("Cityscapes")


def test_frames_without_labels_have_none(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    a_dataset(tmp_path, labelled=False)
    dataset = connection.dataset(VERSION, cache=cache)
    assert dataset.ontology is None
    assert [frame.labels for frame in dataset["val"]] == [None, None]
    with pytest.raises(lamm.LammError, match="no labels"):
        dataset.mapped()


def test_a_download_makes_the_server_unnecessary(
    connection: lamm.Connection, offline: lamm.Connection, cache: Cache, tmp_path: Path
) -> None:
    a_dataset(tmp_path)
    with pytest.raises(lamm.UnreachableError, match="never opened with the cache"):
        offline.dataset(VERSION, cache=cache)
    told: list[tuple[int, int]] = []
    dataset = connection.dataset(VERSION, cache=cache)
    done = dataset.download("train", workers=3, progress=lambda done, total: told.append((done, total)))
    assert (done.frames, done.fetched) == (4, 4)
    assert told[0][0] == 0
    assert told[-1] == (done.bytes, done.bytes)
    assert [one for one, _ in told] == sorted(one for one, _ in told)
    assert dataset.download("train").fetched == 0
    away = offline.dataset(VERSION, cache=cache)
    assert [frame.points.tobytes() for frame in away["train"]] == [cloud_of(n).tobytes() for n in (0, 1, 0, 1)]
    # The frames of the other split are the same bytes; what was never downloaded says so and what to do.
    Cache(cache.folder, limit=0).make_room()
    with pytest.raises(lamm.UnreachableError, match=r"a-night/000000\.pcd of .*dataset\.download\(\)"):
        next(iter(away["train"]))


def test_what_is_larger_than_the_cache_is_refused_before_it_comes(connection: lamm.Connection, tmp_path: Path) -> None:
    a_dataset(tmp_path)
    small = Cache(tmp_path / "cache", limit=20_000)
    with pytest.raises(lamm.LammError, match="LAMM_CACHE_BYTES"):
        connection.dataset(VERSION, cache=small).download()


def test_a_cut_download_goes_on_where_it_stopped(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    a_dataset(tmp_path)
    frame = connection.dataset(VERSION, cache=cache)["train"][0]
    partial = cache.folder / "partial" / frame.cloud_digest
    partial.parent.mkdir(parents=True, exist_ok=True)
    whole = Frame.objects.get(pk=frame.id).cloud.read()
    partial.write_bytes(whole[:1000])
    sent: list[int] = []
    http = connection.transport._connections()
    http.event_hooks = {"response": [lambda answer: sent.append(int(answer.headers["Content-Length"]))]}
    assert len(frame.points) == POINTS
    assert sent == [len(whole) - 1000]
    cache.path(frame.cloud_digest).unlink()
    partial.write_bytes(whole)  # all was there, only its name was not given yet
    frame.fetch()
    partial.write_bytes(b"damaged")
    cache.path(frame.cloud_digest).unlink()
    frame.fetch()
    assert cache.verify() == []


def test_a_manifest_is_fetched_once_and_checked(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    version = a_dataset(tmp_path)
    asked: list[str] = []
    http = connection.transport._connections()
    http.event_hooks = {"request": [lambda request: asked.append(request.url.path.split("/")[-2])]}
    for _ in range(3):
        connection.dataset(VERSION, cache=cache)
    assert (asked.count("manifest"), asked.count("frames")) == (1, 1)
    connection.dataset(VERSION, cache=cache, refresh=True)
    assert (asked.count("manifest"), asked.count("frames")) == (1, 2)
    kept = cache.find(version.digest)
    assert kept is not None
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == version.digest
    assert json.loads(kept.read_bytes().splitlines()[0])["format"] == "lamm-dataset-manifest/1"


def test_a_manifest_that_is_not_what_was_frozen_is_refused(
    connection: lamm.Connection, cache: Cache, tmp_path: Path
) -> None:
    path = a_dataset(tmp_path).manifest.local_path()
    kept = path.read_bytes()
    path.chmod(0o600)
    try:
        path.write_bytes(kept.replace(b'"val"', b'"lav"'))
        with pytest.raises(lamm.DamagedError, match="arrived damaged"):
            connection.dataset(VERSION, cache=cache)
    finally:  # equal content is kept once: other tests read this file
        path.write_bytes(kept)


def test_a_frame_that_was_replaced_since_is_named(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    a_dataset(tmp_path)
    train = connection.dataset(VERSION, cache=cache)["train"]
    first, other = Frame.objects.get(pk=train[0].id), Frame.objects.get(pk=train[1].id)
    Frame.objects.filter(pk=first.pk).update(cloud=other.cloud)
    with pytest.raises(lamm.NotFoundError, match=r"a-night/000000\.pcd.* refresh=True"):
        _ = train[0].points
    Frame.objects.filter(pk=other.pk).update(name="renamed.pcd")
    again = connection.dataset(VERSION, cache=cache, refresh=True)["train"]
    with pytest.raises(lamm.LammError, match="not on the server as it was frozen"):
        _ = again[1].points


def test_a_scene_that_was_renamed_is_still_found(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    a_dataset(tmp_path)
    Scene.objects.filter(name="a-night").update(name="z-night")
    frame = connection.dataset(VERSION, cache=cache)["train"][0]
    assert (frame.scene, frame.points.tobytes()) == ("a-night", cloud_of(0).tobytes())


def test_names_that_mean_no_frozen_version_are_refused_in_words(
    connection: lamm.Connection, cache: Cache, tmp_path: Path
) -> None:
    version = a_dataset(tmp_path)
    dataset_services.new_version(of=version, by=a_curator())
    for name, kind, words in (
        (NAME, lamm.LammError, "Write it as NAME@v2"),
        (f"{NAME}@v3", lamm.NotFoundError, r"It has v1 \(frozen\), v2 \(draft\)"),
        (f"{NAME}@v2", lamm.ConflictError, "is a draft"),
        ("Nothing@v1", lamm.NotFoundError, "No such dataset"),
    ):
        with pytest.raises(kind, match=words):
            connection.dataset(name, cache=cache)


def test_a_deprecated_version_warns_with_the_reason(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    dataset_services.deprecate(version=a_dataset(tmp_path), by=a_curator(), reason="v2 has better labels")
    with pytest.warns(UserWarning, match="v2 has better labels"):
        assert connection.dataset(VERSION, cache=cache).state == "deprecated"


def test_who_may_not_see_datasets_is_told_so(live_server: Any, token_of: Any, cache: Cache, tmp_path: Path) -> None:
    a_dataset(tmp_path)
    stranger = lamm.connect(live_server.url, token_of("nobody"))
    with pytest.raises(lamm.NotAllowedError):
        stranger.dataset(VERSION, cache=cache)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_read_their_shares(
    connection: lamm.Connection, cache: Cache, tmp_path: Path, method: str
) -> None:
    a_dataset(tmp_path)
    train = connection.dataset(VERSION, cache=cache).mapped()["train"]
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    workers = [context.Process(target=read_share, args=(train, index, 2, answers)) for index in range(2)]
    for worker in workers:
        worker.start()
    read = [answers.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert sorted(map(len, read)) == [2, 2]
    assert sorted(frame for share in read for frame, _, _ in share) == sorted(train[n].id for n in range(4))
    assert {points for share in read for _, points, _ in share} == {POINTS}


def test_a_split_that_travelled_is_the_same(connection: lamm.Connection, cache: Cache, tmp_path: Path) -> None:
    a_dataset(tmp_path)
    train = connection.dataset(VERSION, cache=cache)["train"].epoch(2)[1:]
    copy = pickle.loads(pickle.dumps(train))  # noqa: S301 - as data loaders send it
    assert [frame.points.tobytes() for frame in copy] == [frame.points.tobytes() for frame in train]


def test_frames_are_listed_in_a_constant_number_of_queries(
    client: Any, django_user_model: Any, django_assert_num_queries: Any, db: None, tmp_path: Path
) -> None:
    client.force_login(django_user_model.objects.create_superuser("root"))
    version = a_dataset(tmp_path)
    address = f"/api/dataset-versions/{version.pk}/frames/"
    with django_assert_num_queries(6):
        lines = [json.loads(line) for line in b"".join(client.get(address).streaming_content).splitlines()]
    assert lines[0]["format"] == "lamm-dataset-frames/1"
    digests = set(version.items.values_list("content_digest", flat=True))
    assert {line["digest"] for line in lines[1:]} == digests
    draft = dataset_services.new_version(of=version, by=a_curator())
    assert client.get(f"/api/dataset-versions/{draft.pk}/frames/").status_code == 409
    assert DatasetVersion.objects.count() == 2
