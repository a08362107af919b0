"""Declaring the files of an upload: names, sizes, and bytes that are kept already."""

import pytest

from scenes import services
from scenes.models import Upload, UploadedFile
from scenes.tests.factories import a_pcd, a_ready_scene
from scenes.tests.senders import Sender, an_uploader, pieces, sha256

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(db) -> Sender:
    return Sender(an_uploader())


class TestNames:
    @pytest.mark.parametrize("name", [
        "/etc/passwd.pcd", "../secret.pcd", "a/../../b.pcd", "a//b.pcd", "./a.pcd", "C:/a.pcd", "..\\a.pcd", "a\0.pcd",
        "a\n.pcd", "a\u202edcp.pcd", "", " ", "readme.md", "cloud", "x" * 300 + ".pcd", "\ud800.pcd", "dir/.a.pcd",
            "0.label", "a_lidarseg.bin", "below/times.txt",
    ])  # fmt: skip
    def test_that_are_unsafe_or_unknown_are_refused_by_name(self, sender, name):
        upload = sender.open()
        answer = sender.declare(upload, {"name": "good.pcd", "size": 3}, {"name": name, "size": 3})
        assert answer.status_code == 400
        (problem,) = answer.json()["files"]
        assert problem["name"] == name.encode(errors="replace").decode()
        assert problem["problem"]
        assert UploadedFile.objects.count() == 0

    def test_in_any_script_are_kept(self, sender):
        upload = sender.open()
        names = ["straße/点群 1.pcd", "сцена.pcd", "e\u0301te\u0301.pcd", "times.txt", "drive.gpx"]
        answer = sender.declare(upload, *({"name": name, "size": 3} for name in names))
        assert [file["name"] for file in answer.json()["files"]] == [*names[:2], "été.pcd", *names[3:]]

    def test_that_come_twice_are_refused(self, sender):
        upload = sender.open()
        answer = sender.declare(upload, {"name": "é.pcd", "size": 3}, {"name": "e\u0301.pcd", "size": 3})
        assert answer.status_code == 400

    def test_of_headless_files_need_a_declared_format(self, sender):
        file = {"name": "0.bin", "size": 16}
        answer = sender.declare(sender.open(), file)
        assert "kitti" in answer.json()["files"][0]["problem"]
        assert sender.declare(sender.open(format="KITTI"), file).status_code == 201


class TestSizes:
    def test_of_nothing_are_refused(self, sender):
        answer = sender.declare(sender.open(), {"name": "a.pcd", "size": 0})
        assert answer.status_code == 400
        assert "empty" in answer.json()["files"][0]["problem"]

    def test_above_the_limit_of_a_file_are_refused(self, sender, settings):
        settings.UPLOAD_MAX_FILE_BYTES = 100
        answer = sender.declare(sender.open(), {"name": "a.pcd", "size": 101})
        assert answer.status_code == 413
        assert "100 bytes" in answer.json()["files"][0]["problem"]

    def test_above_the_limit_of_an_upload_are_refused_and_nothing_is_declared(self, sender, settings):
        settings.UPLOAD_MAX_BYTES = 150
        upload = sender.open()
        sender.declare(upload, {"name": "a.pcd", "size": 100})
        assert sender.declare(upload, {"name": "b.pcd", "size": 100}).status_code == 413
        assert UploadedFile.objects.count() == 1

    def test_of_one_call_are_bounded(self, sender, settings):
        settings.UPLOAD_MAX_FILES_PER_CALL = 2
        files = [{"name": f"{n}.pcd", "size": 1} for n in range(3)]
        assert sender.declare(sender.open(), *files).status_code == 413

    def test_ten_thousand_files_are_declared_in_a_handful_of_queries(self, sender, django_assert_max_num_queries):
        upload = Upload.objects.get(pk=sender.open())
        files = [services.DeclaredFile(f"{n:06d}.pcd", 10, f"{n:064x}") for n in range(10_000)]
        with django_assert_max_num_queries(40):
            services.declare_files(upload=upload, files=files, by=sender.person)
        assert upload.files.count() == 10_000


class TestDeclaringAgain:
    def test_with_the_same_facts_leaves_the_file_where_it_is(self, sender):
        upload, data = sender.open(), b"x" * 20
        file = sender.declared(upload, "a.pcd", data)
        sender.put(upload, file["id"], 0, data[:10])
        again = sender.declared(upload, "a.pcd", data)
        assert (again["id"], again["received"]) == (file["id"], 10)

    def test_with_other_bytes_starts_the_file_over(self, sender, django_capture_on_commit_callbacks):
        upload = sender.open()
        file = sender.declared(upload, "a.pcd", b"x" * 20)
        sender.put(upload, file["id"], 0, b"x" * 10)
        with django_capture_on_commit_callbacks(execute=True):
            again = sender.declared(upload, "a.pcd", b"y" * 30)
        assert (again["id"], again["received"], again["size"]) == (file["id"], 0, 30)
        assert pieces(upload) == []

    def test_a_complete_file_with_other_bytes_starts_it_over(self, sender):
        upload, old, new = sender.open(), a_pcd(seed=1), a_pcd(seed=2)
        sender.sent(upload, "a.pcd", old)
        assert sender.declared(upload, "a.pcd", new, sha256=sha256(new))["state"] == "waiting"


class TestBytesThatAreKeptAlready:
    def test_need_not_be_sent_by_those_who_may_see_them(self):
        sender, data = Sender(an_uploader("ada", "view_frame")), kept_data()
        file = sender.declared(sender.open("again"), "a.pcd", data, sha256=sha256(data))
        assert file["state"] == "complete"

    def test_are_not_given_to_those_who_only_know_their_hash(self, sender):
        data = kept_data()
        file = sender.declared(sender.open("again"), "a.pcd", data, sha256=sha256(data))
        assert (file["state"], file["received"]) == ("waiting", 0)

    def test_are_not_taken_for_a_file_of_another_size(self):
        sender, data = Sender(an_uploader("ada", "view_frame")), kept_data()
        file = sender.declared(sender.open("again"), "a.pcd", data + b"x", sha256=sha256(data))
        assert file["state"] == "waiting"


def kept_data() -> bytes:
    frame = a_ready_scene().frames.get()
    return frame.cloud.read()
