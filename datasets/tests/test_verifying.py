"""Verifying: a sound version is said to be sound; a flipped byte, a lost file, a replaced frame are named."""

import pytest
from django.core.management import CommandError, call_command

from datasets import services
from datasets.models import Verification, VerificationState
from datasets.services import verifying
from datasets.tests.stories import a_draft, a_person, label, some_scenes, stored
from datasets.tests.test_freezing import frozen
from scenes import storage
from scenes.errors import ConflictError, NotAllowedError
from scenes.models import Frame, FrameState, Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def carla():
    return a_person()


@pytest.fixture
def version(carla):
    """Nine scenes, so that a batch is not all; two frames each with their labels."""
    return frozen(some_scenes(9, drives=3), carla)


@pytest.fixture
def damaged():
    """Writes other bytes in the place of a stored file; the true ones come back afterwards."""
    kept = {}

    def change(file, change_bytes):
        path = storage.local_path(file.digest, storage=file.storage)
        kept[path] = path.read_bytes()
        path.chmod(0o644)
        changed = change_bytes(kept[path])
        if changed is None:
            path.unlink()
        else:
            path.write_bytes(changed)

    yield change
    for path, data in kept.items():
        path.write_bytes(data)


def problems(version, carla) -> list[tuple[str, str, str]]:
    found = services.verify(version=version, by=carla)
    assert found.problem_count == len(found.problems)
    return [(one["scene"], one["frame"], one["problem"]) for one in found.problems]


def flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def test_a_sound_version_is_read_whole(version, carla):
    found = services.verify(version=version, by=carla)
    assert (found.state, found.done, found.total, found.problem_count) == (VerificationState.SOUND, 9, 9, 0)
    assert found.file_count == 36
    frames = Frame.objects.select_related("cloud")
    labels = [labels.classes.size for frame in frames for labels in frame.labels.all()]
    assert found.byte_count == sum(frame.cloud.size for frame in frames) + sum(labels)


def test_a_flipped_byte_is_found_and_named(version, carla, damaged):
    frame = Frame.objects.get(scene__name="scene-004", index=1)
    damaged(frame.cloud, flipped)
    assert problems(version, carla) == [("scene-004", "000001.pcd", "content changed")]


def test_a_lost_label_file_is_found_and_named(version, carla, damaged):
    frame = Frame.objects.get(scene__name="scene-002", index=0)
    damaged(frame.labels.get().classes, lambda data: None)
    assert problems(version, carla) == [("scene-002", "000000.pcd", "missing")]


def test_what_was_replaced_added_or_put_aside_is_noticed(version, carla):
    frame = Frame.objects.get(scene__name="scene-000", index=0)
    better = stored(b"another cloud")
    Frame.objects.filter(pk=frame.pk).update(cloud=better)
    Frame.objects.filter(scene__name="scene-001", index=1).update(state=FrameState.QUARANTINED, problem="bad")
    scene = Scene.objects.get(name="scene-002")
    Frame.objects.create(scene=scene, index=2, name="late.pcd", state=FrameState.READY, cloud=better)
    label(scene)
    assert sorted(problems(version, carla)) == [
        ("scene-000", "000000.pcd", f"the frame's file was replaced: it is {better.digest} now"),
        ("scene-001", "000001.pcd", "the frame is gone, or is not ready any more"),
        ("scene-002", "late.pcd", "the frame was not there when the version was frozen"),
    ]


def test_a_renamed_scene_is_noticed(version, carla):
    Scene.objects.filter(name="scene-003").update(name="other")
    assert problems(version, carla) == [("scene-003", "", "the scene is called other now")]


def test_a_manifest_that_is_not_what_was_frozen_is_found_first(version, carla, damaged):
    damaged(version.manifest, flipped)
    ((_, _, words),) = problems(version, carla)
    assert words.startswith("the manifest is not what was frozen")


def test_a_verification_goes_on_where_a_worker_stopped(version, carla):
    begun = services.request_verification(version=version, by=carla)
    assert services.request_verification(version=version, by=carla) == begun
    turns = iter([True, False])
    assert verifying.work(begun.pk, go_on=lambda: next(turns)) is True
    begun.refresh_from_db()
    assert (begun.state, begun.done) == (VerificationState.RUNNING, 8)
    assert verifying.work(begun.pk) is False
    begun.refresh_from_db()
    assert (begun.state, begun.done, begun.file_count) == (VerificationState.SOUND, 9, 36)
    assert verifying.work(begun.pk) is False


def test_a_draft_has_nothing_to_compare_with_and_viewers_may_not_ask(carla, version):
    with pytest.raises(ConflictError, match="has no manifest"):
        services.verify(version=a_draft(some_scenes(1, name="x"), by=carla, name="Draft"), by=carla)
    with pytest.raises(NotAllowedError):
        services.request_verification(version=version, by=a_person("vera", "viewer"))


class TestTheCommand:
    def test_says_that_all_is_sound(self, version, capsys):
        call_command("verify_dataset", "Urban_Night_Scenes@v1")
        assert f"9 scenes and 36 files are what they were, digest {version.digest}" in capsys.readouterr().out

    def test_names_the_damage_and_fails(self, version, capsys, damaged):
        frame = Frame.objects.get(scene__name="scene-008", index=0)
        damaged(frame.cloud, flipped)
        with pytest.raises(CommandError, match="1 differences"):
            call_command("verify_dataset", "Urban_Night_Scenes@v1")
        assert f"scene-008 000000.pcd: content changed (sha256 {frame.cloud.digest})" in capsys.readouterr().out
        assert Verification.objects.get().state == VerificationState.DAMAGED

    def test_knows_versions_only(self, version, carla):
        with pytest.raises(CommandError, match="no version Nights@v1"):
            call_command("verify_dataset", "Nights@v1")
        services.new_version(of=version, by=carla)
        with pytest.raises(CommandError, match="is a draft"):
            call_command("verify_dataset", "Urban_Night_Scenes@v2")
