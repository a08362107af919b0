"""Stories of uploads for tests: `Sender(an_uploader())` talks to the upload API as a script would."""

import hashlib
import json

from django.contrib.auth.models import Permission, User
from django.test import Client

from scenes import storage, uploads

HERE = "application/octet-stream"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Sender:
    """A script that talks to the upload API as one person."""

    def __init__(self, person: User) -> None:
        self.person, self.client = person, Client()
        self.client.force_login(person)

    def post(self, address: str, body: object = None):
        return self.client.post(f"/api/uploads/{address}", json.dumps(body or {}), content_type="application/json")

    def open(self, scene_name: str = "city-drive-01", **wishes) -> int:
        answer = self.post("", {"scene_name": scene_name, **wishes})
        assert answer.status_code == 201, answer.content
        return answer.json()["id"]

    def declare(self, upload: int, *files: dict):
        return self.post(f"{upload}/files/", {"files": list(files)})

    def declared(self, upload: int, name: str, data: bytes, **facts) -> dict:
        answer = self.declare(upload, {"name": name, "size": len(data), **facts})
        assert answer.status_code == 201, answer.content
        return answer.json()["files"][0]

    def put(self, upload: int, file: int, offset: int, data: bytes, **headers):
        headers = headers or {"Upload-Offset": str(offset)}
        address = f"/api/uploads/{upload}/files/{file}/content/"
        return self.client.put(address, data, content_type=HERE, headers=headers)

    def sent(self, upload: int, name: str, data: bytes, **facts) -> dict:
        file = self.declared(upload, name, data, **facts)
        answer = self.put(upload, file["id"], 0, data)
        assert answer.status_code == 200, answer.content
        return answer.json()


def an_uploader(name: str = "ada", *permissions: str) -> User:
    person = User.objects.create_user(name)
    person.user_permissions.add(*Permission.objects.filter(codename__in=["add_upload", *permissions]))
    return User.objects.get(pk=person.pk)


def pieces(upload: int) -> list[str]:
    found = []
    kept = storage.storage_named(storage.INCOMING)
    for file in uploads._list(kept, str(upload))[0]:
        found += [f"{file}/{name}" for name in kept.listdir(f"{upload}/{file}")[1]]
    return sorted(found)
