"""The bytes of an upload: where they may stand, cut connections, wrong hashes, two senders at once."""

import threading

import pytest
from django.db import connection

from scenes import services, storage, uploads
from scenes.errors import ConflictError, RefusedError
from scenes.models import UploadedFile
from scenes.tests.factories import a_pcd
from scenes.tests.senders import Sender, an_uploader, pieces, sha256

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(db) -> Sender:
    return Sender(an_uploader())


class TestBytesThatArrive:
    def test_go_on_where_a_cut_connection_stopped(self, sender, settings):
        settings.UPLOAD_PIECE_BYTES = 4096
        upload, data = sender.open(), a_pcd(points=2000)
        file = sender.declared(upload, "000000.pcd", data, sha256=sha256(data))
        assert sender.put(upload, file["id"], 0, data[:10_000]).json()["received"] == 10_000
        other_process = Sender(sender.person)
        state = other_process.client.get(f"/api/uploads/{upload}/files/").json()["results"][0]
        assert (state["received"], state["state"]) == (10_000, "receiving")
        answer = other_process.put(upload, file["id"], 10_000, data[10_000:])
        assert answer.json()["state"] == "complete"
        assert UploadedFile.objects.get().file.read() == data

    def test_that_end_early_are_kept_and_the_place_is_told(self, sender, settings):
        settings.UPLOAD_PIECE_BYTES = 1000
        upload = sender.open()
        row = UploadedFile.objects.get(pk=sender.declared(upload, "a.pcd", b"x" * 9000)["id"])
        with pytest.raises(RefusedError, match="Go on from there") as refusal:
            services.append(file=row, offset=0, stream=BrokenStream(b"x" * 2500), length=9000)
        assert refusal.value.facts == {"received": 2500}
        row.refresh_from_db()
        assert row.received == 2500

    def test_may_name_their_place_by_content_range(self, sender):
        upload, data = sender.open(), a_pcd()
        file = sender.declared(upload, "a.pcd", data)
        half, size = len(data) // 2, len(data)
        for first, part in ((0, data[:half]), (half, data[half:])):
            header = {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{size}"}
            assert sender.put(upload, file["id"], 0, part, **header).status_code == 200
        assert UploadedFile.objects.get().file.read() == data

    @pytest.mark.parametrize("header", [
        {"Upload-Offset": "-1"}, {"Upload-Offset": "one"}, {"Accept": "*/*"}, {"Content-Range": "bytes 0-3/99"},
        {"Content-Range": "bytes 0-3/4", "Upload-Offset": "0"}, {"Content-Range": "bytes 0-2/4"},
    ])  # fmt: skip
    def test_without_a_clear_place_are_refused(self, sender, header):
        upload = sender.open()
        file = sender.declared(upload, "a.pcd", b"abcd")
        assert sender.put(upload, file["id"], 0, b"abcd", **header).status_code == 400

    @pytest.mark.parametrize("offset", [0, 5, 12])
    def test_at_a_wrong_place_are_refused_with_the_right_one(self, sender, offset):
        upload = sender.open()
        file = sender.declared(upload, "a.pcd", b"x" * 20)
        sender.put(upload, file["id"], 0, b"x" * 10)
        answer = sender.put(upload, file["id"], offset, b"x")
        assert (answer.status_code, answer.json()["received"]) == (409, 10)

    def test_beyond_the_declared_size_are_refused(self, sender):
        upload = sender.open()
        file = sender.declared(upload, "a.pcd", b"x" * 20)
        answer = sender.put(upload, file["id"], 0, b"x" * 21)
        assert (answer.status_code, answer.json()["received"]) == (413, 0)

    @pytest.mark.parametrize("piece_bytes", [1000, 1024**2])
    def test_with_a_wrong_hash_are_dropped_and_may_come_again(
        self, sender, settings, piece_bytes, django_capture_on_commit_callbacks
    ):
        settings.UPLOAD_PIECE_BYTES = piece_bytes
        upload, data = sender.open(), a_pcd(points=300, seed=91)
        file = sender.declared(upload, "a.pcd", data, sha256=sha256(data))
        with django_capture_on_commit_callbacks(execute=True):
            answer = sender.put(upload, file["id"], 0, b"?" + data[1:])
        assert (answer.status_code, answer.json()["received"]) == (400, 0)
        row = UploadedFile.objects.get()
        assert (row.received, row.state) == (0, "refused")
        assert "sha256" in row.problem
        assert pieces(upload) == []
        assert not storage.storage_named(storage.ORIGINALS).exists(storage.key(sha256(b"?" + data[1:])))
        assert sender.put(upload, file["id"], 0, data).json()["state"] == "complete"
        assert UploadedFile.objects.get().problem == ""

    def test_that_were_all_received_before_a_crash_are_finished_by_an_empty_append(self, sender, settings):
        settings.UPLOAD_PIECE_BYTES = 1000
        upload, data = sender.open(), a_pcd(points=300)
        row = UploadedFile.objects.get(pk=sender.declared(upload, "a.pcd", data)["id"])
        services.uploading._keep(row.pk, 0, data[:1000])
        services.uploading._keep(row.pk, 1000, data[1000:])
        assert sender.client.get(f"/api/uploads/{upload}/files/{row.pk}/").json()["state"] == "received"
        assert sender.put(upload, row.pk, len(data), b"").json()["state"] == "complete"

    def test_that_the_server_lost_are_asked_for_again(self, sender, settings):
        settings.UPLOAD_PIECE_BYTES = 1000
        upload, data = sender.open(), a_pcd(points=300)
        file = sender.declared(upload, "a.pcd", data)
        sender.put(upload, file["id"], 0, data[:3000])
        storage.storage_named(storage.INCOMING).delete(f"{upload}/{file['id']}/1000")
        answer = sender.put(upload, file["id"], 3000, data[3000:])
        assert (answer.status_code, answer.json()["received"]) == (400, 0)
        assert "lost" in answer.json()["detail"]


class BrokenStream:
    """A connection that breaks after some bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, length: int) -> bytes:
        if not self.data:
            raise ConnectionResetError
        block, self.data = self.data[:length], self.data[length:]
        return block


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_appends_at_one_place_one_wins(settings):
    """Both have read their bytes before either writes, as two web processes might."""
    sender = Sender(an_uploader())
    upload = sender.open()
    row = UploadedFile.objects.get(pk=sender.declared(upload, "a.pcd", b"x" * 20)["id"])
    both_read = threading.Barrier(2, timeout=30)
    outcomes: list[object] = []

    class Meeting:
        def __init__(self, letter: bytes) -> None:
            self.left = letter * 10

        def read(self, length: int) -> bytes:
            block, self.left = self.left[:length], b""
            both_read.wait()
            return block

    def send(letter: bytes) -> None:
        try:
            file = UploadedFile.objects.select_related("upload").get(pk=row.pk)
            outcomes.append(services.append(file=file, offset=0, stream=Meeting(letter), length=10).received)
        except ConflictError as error:
            outcomes.append(error.facts)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes, key=str) == [10, {"received": 10}]
    row.refresh_from_db()
    assert b"".join(uploads.read_pieces(row)) in (b"a" * 10, b"b" * 10)
