"""Labels made elsewhere on an exported version: new versions for all scenes or none, refused with the frame named."""

import io
import json
import tarfile

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from datasets import services
from datasets.models import VersionState
from datasets.services import exporting
from datasets.tests.exported import a_recorded_version
from datasets.tests.stories import a_draft, a_person, some_scenes
from scenes.clouds.cloud import CloudError
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import LabelingStatus, LabelSet, Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def carla():
    return a_person()


@pytest.fixture
def version(tmp_path, carla):
    return a_recorded_version(tmp_path / "recorded", carla)


@pytest.fixture
def exported(version, tmp_path):
    def export(form):
        exporting.export_to_folder(version=version, form=form, folder=tmp_path / form, by=None)
        return tmp_path / form

    return export


def relabelled(path, raw=48):
    """The first hundred points of a .label file become sidewalk."""
    values = np.fromfile(path, "<u4")
    values[:100] = raw
    path.write_bytes(values.tobytes())


def versions() -> dict[str, int]:
    return {scene.name: scene.label_sets.count() for scene in Scene.objects.all()}


def test_a_corrected_label_file_is_the_next_version_of_its_scene_alone(version, exported, carla):
    folder = exported("semantic-kitti")
    relabelled(folder / "sequences/00/labels/000001.label")
    done = services.import_labels(version=version, path=folder, kind="semantic-kitti", by=carla, note="mended")
    assert (done.scenes, done.unchanged, done.frames) == (["alpha"], ["beta"], 5)
    (made,) = done.made
    assert (made.version, made.author, made.note, made.kind) == (2, carla, "mended", "semantic-kitti")
    assert made.class_counts[11] == 100
    assert made.history.get().history_user == carla
    assert versions() == {"alpha": 2, "beta": 1}
    version.refresh_from_db()
    assert version.items.get(scene__name="alpha").label_set.version == 1  # what was frozen stays
    again = services.import_labels(version=version, path=folder, kind="semantic-kitti", by=carla)
    assert (again.scenes, again.made) == ([], [])


@pytest.mark.parametrize(("form", "kind"), [("plain", "npy"), ("nuscenes", "lidarseg")])
def test_labels_of_other_layouts_are_found_where_the_export_put_them(version, exported, form, kind):
    folder = exported(form)
    ending = {"npy": "*.npy", "lidarseg": "*_lidarseg.bin"}[kind]
    for path in folder.rglob(ending):
        if kind == "npy":
            values = np.load(path)
            values[:] = 48
            np.save(path, values)
        else:
            path.write_bytes(bytes([48]) * path.stat().st_size)
    done = services.import_labels(version=version, path=folder, kind=kind, by=None)
    assert done.scenes == (["beta"] if kind == "npy" else ["alpha", "beta"])
    assert all(made.class_counts[11] == made.point_count for made in done.made)


def test_one_bad_frame_keeps_all_scenes_as_they_are(version, exported):
    folder = exported("semantic-kitti")
    relabelled(folder / "sequences/00/labels/000000.label")
    bad = folder / "sequences/01/labels/000001.label"
    bad.write_bytes(bad.read_bytes()[:-4])
    with pytest.raises(CloudError, match=r"scene beta, 000001.label for frame 000001.pcd: there are 300 labels"):
        services.import_labels(version=version, path=folder, kind="semantic-kitti", by=None)
    assert versions() == {"alpha": 1, "beta": 1}


def test_unknown_ids_are_refused_or_accepted(version, exported):
    folder = exported("semantic-kitti")
    relabelled(folder / "sequences/00/labels/000000.label", raw=77)
    wishes = {"version": version, "path": folder, "kind": "semantic-kitti", "by": None}
    with pytest.raises(CloudError, match=r"scene alpha, .* does not know the raw ids 77"):
        services.import_labels(**wishes)
    (made,) = services.import_labels(**wishes, accept_unknown=True).made
    assert made.unknown == [[77, 100]]


def test_a_dry_run_checks_and_writes_nothing(version, exported, capsys):
    folder = exported("semantic-kitti")
    relabelled(folder / "sequences/00/labels/000000.label")
    call_command("import_labels", str(version), str(folder), "--kind=semantic-kitti", "--dry-run", "-v0")
    assert "1 scenes would get new labels, 1 have the same already; 5 frames" in capsys.readouterr().out
    assert versions() == {"alpha": 1, "beta": 1}
    call_command("import_labels", str(version), str(folder), "--kind=semantic-kitti", "-v0")
    assert "alpha: labels v2" in capsys.readouterr().out


def test_labels_alone_need_the_name_of_the_layout(version, exported, tmp_path):
    folder = exported("semantic-kitti")
    labels = tmp_path / "made-elsewhere" / "sequences" / "00" / "labels"
    labels.mkdir(parents=True)
    relabelled(folder / "sequences/00/labels/000002.label")
    (labels / "000002.label").write_bytes((folder / "sequences/00/labels/000002.label").read_bytes())
    wishes = {"version": version, "path": tmp_path / "made-elsewhere", "kind": "semantic-kitti", "by": None}
    with pytest.raises(CloudError, match="Declare one of"):
        services.import_labels(**wishes)
    (made,) = services.import_labels(**wishes, tree="semantic-kitti").made
    assert (made.scene.name, made.frame_count) == ("alpha", 1)
    (labels / "000009.label").write_bytes(b"1234")
    with pytest.raises(CloudError, match=r"belong to no frame .*: sequences/00/labels/000009.label"):
        services.import_labels(**wishes, tree="semantic-kitti")


def test_an_export_of_another_version_is_refused(version, exported, carla):
    folder = exported("semantic-kitti")
    told = json.loads((folder / "EXPORT.json").read_text()) | {"digest": "0" * 64, "dataset": "Other@v3"}
    (folder / "EXPORT.json").write_text(json.dumps(told))
    with pytest.raises(CloudError, match="an export of Other@v3"):
        services.import_labels(version=version, path=folder, kind="semantic-kitti", by=carla)


def test_locked_labels_drafts_and_people_without_the_right(version, exported, carla):
    folder = exported("semantic-kitti")
    relabelled(folder / "sequences/00/labels/000000.label")
    wishes = {"version": version, "path": folder, "kind": "semantic-kitti"}
    with pytest.raises(NotAllowedError):
        services.import_labels(**wishes, by=a_person("tom", "trainer"))
    done = {"status": LabelingStatus.LABELED, "locked": True, "reviewer": carla}
    Scene.objects.filter(name="alpha").update(**done, labeler=a_person("lara", "labeler"))
    with pytest.raises(ConflictError):
        services.import_labels(**wishes, by=carla)
    draft = a_draft(some_scenes(1), by=carla, name="draft")
    assert draft.state == VersionState.DRAFT
    with pytest.raises(ConflictError, match="is a draft"):
        services.import_labels(**(wishes | {"version": draft}), by=carla)
    with pytest.raises(RefusedError, match="no kind"):
        services.import_labels(**(wishes | {"kind": "field"}), by=carla)
    assert LabelSet.objects.filter(scene__name="alpha").count() == 1


class TestSegments:
    """A release of Segments.ai: sequences by the scene's name, single clouds by the file's."""

    CATEGORIES = [{"id": 1, "name": "Road"}, {"id": 2, "name": "building"}]

    def label(self, points: int, of: int = 1) -> dict:
        ids = [7] * (points - 10) + [0] * 10
        return {"annotations": [{"id": 7, "category_id": of}], "point_annotations": ids, "format_version": "0.1"}

    def release(self, tmp_path, samples, categories=None):
        path = tmp_path / "release.json"
        told = [
            {"name": name, "labels": {"ground-truth": {"attributes": label} if label else None}}
            for name, label in samples.items()
        ]
        dataset = {"task_attributes": {"categories": categories or self.CATEGORIES}, "samples": told}
        path.write_text(json.dumps({"name": "v0.1", "dataset": dataset}))
        return path

    def import_(self, version, path):
        return services.import_labels(version=version, path=path, kind="segments", tree="semantic-kitti", by=None)

    def test_a_sequence_and_single_clouds(self, version, tmp_path):
        frames = [self.label(400 + index) for index in range(3)]
        samples = {"alpha": {"frames": frames}, "sequences/01/velodyne/000001.bin": self.label(301, of=2), "rest": None}
        done = self.import_(version, self.release(tmp_path, samples))
        alpha, beta = done.made
        assert (alpha.class_counts[9], alpha.class_counts[0]) == (sum(390 + n for n in range(3)), 30)
        assert (beta.class_counts[13], beta.class_counts[0], beta.frame_count) == (291, 10, 1)
        assert alpha.unknown == []

    @pytest.mark.parametrize(
        ("samples", "categories", "words"),
        [
            ({"alpha": {"frames": [1]}}, None, "labels of 1 frames, the scene has 3"),
            ({"beta/000000.pcd": "short"}, None, "there are|shape"),
            ({"gamma": "label"}, None, "belong to no scene or frame of the version: gamma"),
            ({"beta/000000.pcd": "label"}, [{"id": 1, "name": "unicorn"}], "has no class unicorn"),
            ({"beta/000000.pcd": "strange"}, None, "the object 7 is not among"),
            ({"beta/000000.pcd": "category"}, None, "the category 9 is not among"),
        ],
    )
    def test_what_does_not_fit_is_named(self, version, tmp_path, samples, categories, words):
        made = {
            "short": self.label(299),
            "label": self.label(300),
            "strange": self.label(300) | {"annotations": []},
            "category": self.label(300, of=9),
        }
        samples = {name: made[one] if isinstance(one, str) else one for name, one in samples.items()}
        with pytest.raises(CloudError, match=words):
            self.import_(version, self.release(tmp_path, samples, categories))
        assert versions() == {"alpha": 1, "beta": 1}

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"dataset": {"task_attributes": null}}'])
    def test_another_file_is_refused(self, version, tmp_path, text):
        path = tmp_path / "release.json"
        path.write_text(text)
        with pytest.raises(CloudError, match="no release"):
            self.import_(version, path)

    def test_the_command(self, version, tmp_path):
        path = self.release(tmp_path, {"beta/000000.pcd": self.label(299)})
        with pytest.raises(CommandError, match=r"scene beta, release.json, beta/000000.pcd for frame 000000.pcd"):
            call_command("import_labels", str(version), str(path), "--kind=segments", "--tree=plain", "-v0")


class TestApi:
    """A tar archive of the tree, or a release, as the body."""

    def archive(self, folder, *, links=False) -> bytes:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as archive:
            archive.add(folder, arcname="a-tree")
            if links:
                link = tarfile.TarInfo("a-tree/passwd")
                link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(link)
        return data.getvalue()

    def post(self, client, version, body, **wishes):
        query = "&".join(f"{name}={value}" for name, value in wishes.items())
        address = f"/api/dataset-versions/{version.pk}/import-labels/?{query}"
        return client.post(address, body, content_type="application/octet-stream")

    def test_an_archive(self, version, exported, carla, client):
        client.force_login(carla)
        folder = exported("semantic-kitti")
        relabelled(folder / "sequences/00/labels/000001.label")
        body = self.archive(folder)
        dry = self.post(client, version, body, kind="semantic-kitti", dry_run="true")
        assert (dry.status_code, dry.json()["scenes"], dry.json()["label_sets"]) == (200, ["alpha"], [])
        assert versions() == {"alpha": 1, "beta": 1}
        told = self.post(client, version, body, kind="semantic-kitti", note="by+api").json()
        made = LabelSet.objects.get(scene__name="alpha", version=2)
        assert told == {
            "scenes": ["alpha"], "unchanged": ["beta"], "frames": 5, "points": 1203 + 601, "label_sets": [made.pk],
        }  # fmt: skip
        assert (made.author, made.note) == (carla, "by api")

    def test_refusals_name_what_is_wrong(self, version, exported, carla, client):
        client.force_login(carla)
        folder = exported("semantic-kitti")
        (folder / "sequences/00/labels/000001.label").write_bytes(b"1234")
        wishes = {"kind": "semantic-kitti"}
        answer = self.post(client, version, self.archive(folder), **wishes)
        assert answer.status_code == 400
        assert "scene alpha, 000001.label for frame 000001.bin" in answer.json()["detail"]
        for body, words in (
            (b"no archive", "no whole tar archive"),
            (self.archive(folder, links=True), "no plain file inside"),
            (self.archive(folder)[:200], "no whole tar archive"),
            (b"", "empty"),
        ):
            answer = self.post(client, version, body, **wishes)
            assert (answer.status_code, words in answer.json()["detail"]) == (400, True), answer.json()
        assert self.post(client, version, b"1", kind="zip").status_code == 400
        assert self.post(client, version, b"1", **wishes, colour="red").status_code == 400
        assert versions() == {"alpha": 1, "beta": 1}

    def test_too_much_is_refused(self, version, exported, carla, client, monkeypatch):
        client.force_login(carla)
        folder = exported("semantic-kitti")
        monkeypatch.setattr("datasets.received_tree.MOST_FILES", 3)
        answer = self.post(client, version, self.archive(folder), kind="semantic-kitti")
        assert answer.status_code == 413
        assert "import_labels" in answer.json()["detail"]

    def test_only_who_may_change_labels(self, version, client):
        client.force_login(a_person("tom", "trainer"))
        assert self.post(client, version, b"1", kind="semantic-kitti").status_code == 403
