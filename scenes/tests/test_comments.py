"""Comments: said of a scene, a frame or a point, answered, said better, resolved and reopened; by service and API."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction
from django.test import Client

from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import Comment, Scene
from scenes.selectors import comment_history, comment_threads
from scenes.services import commenting
from scenes.tests.factories import a_ready_scene

pytestmark = pytest.mark.django_db
POINT = [1.5, -2.0, 0.25]


def somebody(name: str, role: str = "labeler") -> User:
    person = User.objects.create_user(name)
    person.groups.add(Group.objects.get(name=role))
    return person


@pytest.fixture
def scene() -> Scene:
    return a_ready_scene(frames=2)


@pytest.fixture
def ada() -> User:
    return somebody("ada")


@pytest.fixture
def bob() -> User:
    return somebody("bob", "trainer")


def api(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def post(person: User, address: str, **body):
    return api(person).post(address, body, content_type="application/json")


class TestSaying:
    def test_of_a_scene_a_frame_and_a_point(self, scene, ada):
        frame = scene.frames.get(index=1)
        camera = {"position": [0, 0, 9], "target": [0, 0, 0], "mode": "orbit"}
        commenting.comment(scene=scene, text=" Rain from here on. ", by=ada)
        commenting.comment(scene=scene, text="Blurred.", by=ada, frame=frame)
        commenting.comment(
            scene=scene, text="Is it a pole?", by=ada, frame=frame, position=POINT, point_index=7, camera=camera
        )
        pole, blurred, rain = Comment.objects.order_by("-id")
        assert (rain.text, rain.frame, rain.position) == ("Rain from here on.", None, None)
        assert (blurred.frame, blurred.position) == (frame, None)
        assert (pole.position, pole.point_index, pole.camera) == (POINT, 7, camera)

    @pytest.mark.parametrize(
        ("wishes", "field"),
        [
            ({"text": "  "}, "text"),
            ({"text": "x" * 4001}, "text"),
            ({"text": "here", "position": POINT}, "frame"),
            ({"text": "here", "frame": 0, "position": [1, 2]}, "position"),
            ({"text": "here", "frame": 0, "position": [1, 2, float("nan")]}, "position"),
            ({"text": "here", "frame": 0, "point_index": 3}, "position"),
            ({"text": "here", "frame": 0, "position": POINT, "point_index": 10**6}, "point_index"),
            ({"text": "here", "camera": {"much": "x" * 3000}}, "camera"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, scene, ada, wishes, field):
        if "frame" in wishes:
            wishes = wishes | {"frame": scene.frames.get(index=wishes["frame"])}
        with pytest.raises(RefusedError) as refused:
            commenting.comment(scene=scene, by=ada, **wishes)
        assert refused.value.facts["field"] == field
        assert not Comment.objects.exists()

    def test_a_frame_of_another_scene_is_refused(self, scene, ada):
        other = a_ready_scene(name="other").frames.get()
        with pytest.raises(RefusedError, match="another scene"):
            commenting.comment(scene=scene, text="here", by=ada, frame=other)

    def test_a_viewer_may_not(self, scene):
        with pytest.raises(NotAllowedError, match="only read"):
            commenting.comment(scene=scene, text="here", by=somebody("eve", "viewer"))

    def test_the_database_keeps_anchors_whole(self, scene, ada):
        frame = scene.frames.get(index=0)
        thread = commenting.comment(scene=scene, text="here", by=ada)
        for wrong in ({"position": POINT}, {"frame": frame, "point_index": 1}, {"parent": thread, "frame": frame}):
            with pytest.raises(IntegrityError), transaction.atomic():
                Comment.objects.create(scene=scene, author=ada, text="here", **wrong)


class TestThreads:
    def test_replies_go_one_level_deep(self, scene, ada, bob):
        thread = commenting.comment(scene=scene, text="A pole?", by=ada)
        answer = commenting.reply(comment=thread, text="A trunk.", by=bob)
        assert (answer.parent, answer.scene) == (thread, scene)
        with pytest.raises(RefusedError, match=f"Reply to comment {thread.pk}"):
            commenting.reply(comment=answer, text="No.", by=ada)

    def test_a_text_is_its_authors(self, scene, ada, bob):
        said = commenting.comment(scene=scene, text="A pole?", by=ada)
        with pytest.raises(NotAllowedError, match="Only ada"):
            commenting.edit(comment=said, text="A trunk.", by=bob)
        commenting.edit(comment=said, text="A trunk?", by=ada)
        said.refresh_from_db()
        assert said.text == "A trunk?"
        assert said.edited_at is not None

    def test_anybody_who_may_comment_settles_a_thread_and_opens_it_again(self, scene, ada, bob):
        thread = commenting.comment(scene=scene, text="A pole?", by=ada)
        settled = commenting.resolve(comment=thread, by=bob)
        assert (settled.resolved, settled.resolved_by) == (True, bob)
        with pytest.raises(ConflictError, match="resolved already"):
            commenting.resolve(comment=thread, by=ada)
        assert commenting.reopen(comment=thread, by=ada).resolved is False
        with pytest.raises(ConflictError, match="is open"):
            commenting.reopen(comment=thread, by=ada)
        answer = commenting.reply(comment=thread, text="A trunk.", by=bob)
        with pytest.raises(RefusedError, match="is a reply"):
            commenting.resolve(comment=answer, by=ada)

    def test_history_keeps_what_was_said_and_done(self, scene, ada, bob):
        said = commenting.comment(scene=scene, text="A pole?", by=ada)
        commenting.edit(comment=said, text="A trunk?", by=ada)
        commenting.resolve(comment=said, by=bob)
        states = [(state.by, state.reason, state.text, state.resolved) for state in comment_history(said)]
        assert states == [
            ("bob", "Resolved", "A trunk?", True),
            ("ada", "Edited: A trunk?", "A trunk?", False),
            ("ada", "Said: A pole?", "A pole?", False),
        ]

    def test_threads_of_a_scene_come_open_ones_first_in_two_queries(self, scene, ada, bob, django_assert_num_queries):
        first, _, third = (commenting.comment(scene=scene, text=text, by=ada) for text in ("one", "two", "three"))
        for answer in ("yes", "no"):
            commenting.reply(comment=first, text=answer, by=bob)
        commenting.resolve(comment=third, by=bob)
        with django_assert_num_queries(2):
            threads, more = comment_threads(scene)
            told = [(one.text, one.author.username, [reply.text for reply in one.replies.all()]) for one in threads]
        assert told == [("two", "ada", []), ("one", "ada", ["yes", "no"]), ("three", "ada", [])]
        assert not more
        assert comment_threads(scene, most=2)[1]


class TestApi:
    def test_a_conversation(self, scene, ada, bob):
        frame = scene.frames.get(index=1)
        made = post(
            ada, "/api/comments/", scene=scene.pk, frame=frame.pk, text="A pole?", position=POINT, point_index=7
        )
        assert made.status_code == 201, made.json()
        thread = made.json()
        assert (thread["author"], thread["frame_index"], thread["position"]) == ("ada", 1, POINT)
        answer = post(bob, "/api/comments/", parent=thread["id"], text="A trunk.").json()
        assert (answer["parent"], answer["scene"], answer["frame"]) == (thread["id"], scene.pk, None)
        address = f"/api/comments/{thread['id']}/"
        edited = api(ada).patch(address, {"text": "A trunk?"}, content_type="application/json").json()
        assert edited["text"] == "A trunk?"
        assert post(bob, f"{address}resolve/").json()["resolved_by"] == "bob"
        assert post(bob, f"{address}resolve/").status_code == 409
        assert post(ada, f"{address}reopen/").json()["resolved"] is False
        history = api(ada).get(f"{address}history/").json()
        assert [(state["by"], state["door"]) for state in history] == [
            ("ada", "api"),
            ("bob", "api"),
            ("ada", "api"),
            ("ada", "api"),
        ]

    def test_lists_are_filtered_and_strict(self, scene, ada, bob):
        thread = commenting.comment(scene=scene, text="A pole?", by=ada)
        commenting.reply(comment=thread, text="A trunk.", by=bob)
        settled = commenting.comment(scene=scene, text="Done.", by=bob, frame=scene.frames.get(index=0))
        commenting.resolve(comment=settled, by=bob)
        commenting.comment(scene=a_ready_scene(name="other"), text="Elsewhere.", by=ada)

        def texts(query):
            answer = api(ada).get(f"/api/comments/?scene={scene.pk}&{query}")
            return [row["text"] for row in answer.json()["results"]]

        assert texts("") == ["Done.", "A trunk.", "A pole?"]
        assert texts("resolved=true") == ["Done."]
        assert texts("resolved=false&reply=false") == ["A pole?"]
        assert texts(f"parent={thread.pk}") == ["A trunk."]
        assert texts("author=ada") == ["A pole?"]
        assert texts(f"frame={settled.frame_id}") == ["Done."]
        assert api(ada).get("/api/comments/?sceen=1").status_code == 400

    def test_the_list_takes_the_same_queries_for_any_number(self, scene, ada, django_assert_max_num_queries):
        for number in range(30):
            commenting.comment(scene=scene, text=f"{number}", by=ada, frame=scene.frames.get(index=0))
        client = api(ada)
        with django_assert_max_num_queries(
            6
        ):  # session, person, two of permissions, the scene that is asked for, the rows
            assert len(client.get(f"/api/comments/?scene={scene.pk}").json()["results"]) == 30

    @pytest.mark.parametrize(
        "body",
        [
            {"text": "nowhere"},
            {"scene": "SCENE", "text": "x", "colour": "red"},
            {"scene": "SCENE", "parent": "SAID", "text": "x"},
            {"parent": "SAID", "text": "x", "position": POINT},
            {"scene": 10**9, "text": "x"},
            {"scene": "SCENE"},
            {"scene": "SCENE", "text": "x", "position": [1, 2]},
            {"scene": "SCENE", "text": "x", "point_index": -1},
        ],
    )
    def test_bodies_that_do_not_fit_are_refused(self, scene, ada, body):
        said = commenting.comment(scene=scene, text="A pole?", by=ada)
        known = {"SCENE": scene.pk, "SAID": said.pk}
        answer = post(ada, "/api/comments/", **{name: known.get(str(value), value) for name, value in body.items()})
        assert answer.status_code == 400
        assert answer.json()["detail"]
        assert Comment.objects.count() == 1

    def test_a_viewer_reads_and_does_not_write(self, scene, ada):
        said = commenting.comment(scene=scene, text="A pole?", by=ada)
        eve = somebody("eve", "viewer")
        assert api(eve).get("/api/comments/").status_code == 200
        assert post(eve, "/api/comments/", scene=scene.pk, text="x").status_code == 403
        assert post(eve, f"/api/comments/{said.pk}/resolve/").status_code == 403
        assert api(ada).delete(f"/api/comments/{said.pk}/").status_code == 405


def test_the_admin_shows_comments_and_changes_none(scene, ada, admin_client):
    said = commenting.comment(scene=scene, text="A pole? " * 20, by=ada)
    assert admin_client.get("/admin/scenes/comment/?state=open").status_code == 200
    page = admin_client.get(f"/admin/scenes/comment/{said.pk}/change/")
    assert page.status_code == 200
    assert b'name="text"' not in page.content
    assert admin_client.get("/admin/scenes/comment/add/").status_code == 403
