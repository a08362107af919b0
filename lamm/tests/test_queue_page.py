"""My queue: what a labeler sees, what each button does, and what it costs."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from scenes import services
from scenes.models import LabelingStatus, Priority, Scene
from scenes.tests.factories import a_label_folder, a_ready_scene
from scenes.tests.workflows import a_person, a_plain_scene, new_labels

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def people():
    return {
        "lara": a_person("lara", "labeler"),
        "leo": a_person("leo", "labeler"),
        "rita": a_person("rita", "reviewer"),
        "carl": a_person("carl", "curator"),
    }


@pytest.fixture
def lara(client, people):
    client.force_login(people["lara"])
    return client


def page(client, query="") -> str:
    response = client.get(reverse("queue") + query)
    assert response.status_code == 200
    return response.content.decode()


def mine(people, name, **facts) -> Scene:
    return a_plain_scene(name, labeler=people["lara"], **facts)


def press(client, scene, step, *, page="queue", htmx=True, **fields):
    headers = HTMX if htmx else {}
    return client.post(reverse(f"work-{step}", args=[scene.pk]), {"page": page, **fields}, headers=headers)


class TestWhatIsSeen:
    def test_work_comes_in_its_order(self, lara, people):
        today = timezone.localdate()
        mine(people, "waiting-late", due_on=today + timedelta(9))
        mine(people, "waiting-soon", due_on=today + timedelta(1))
        mine(people, "waiting-urgent", priority=Priority.URGENT)
        services.take(scene=mine(people, "begun"), by=people["lara"])
        back = mine(people, "mend-me")
        services.take(scene=back, by=people["lara"])
        new_labels(back)
        services.submit(scene=back, by=people["lara"])
        services.send_back(scene=back, by=people["rita"], reason="the <kerb> is road")
        html = page(lara)
        names = ["mend-me", "begun", "waiting-urgent", "waiting-soon", "waiting-late"]
        places = [html.index(f'title="{name}"') for name in names]
        assert places == sorted(places)
        assert "the &lt;kerb&gt; is road" in html
        assert [html.count(f">{heading} <span") for heading in ("Sent back", "In Progress", "Not started")] == [1, 1, 1]

    def test_only_own_scenes_but_for_those_open_to_take(self, lara, people):
        mine(people, "of-lara")
        a_plain_scene("of-leo", labeler=people["leo"])
        a_plain_scene("of-nobody")
        a_plain_scene("empty", frame_count=0)
        work, open_ = page(lara), page(lara, "?show=open")
        assert ("of-lara" in work, "of-leo" in work, "of-nobody" in work) == (True, False, False)
        assert ("of-lara" in open_, "of-leo" in open_, "of-nobody" in open_, "empty" in open_) == (
            False, False, True, False,
        )  # fmt: skip

    def test_overdue_scenes_are_marked_and_found(self, lara, people):
        mine(people, "late", due_on=timezone.localdate() - timedelta(1))
        mine(people, "in-time", due_on=timezone.localdate())
        assert page(lara).count("overdue</span>") == 1
        html = page(lara, "?overdue=true")
        assert "late" in html
        assert 'title="in-time"' not in html
        html = page(lara, "?overdue=false")
        assert ('title="in-time"' in html, 'title="late"' in html) == (True, False)

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("", "Your queue is empty"),
            ("?show=open", "Every scene is taken"),
            ("?show=review", "Nothing of yours waits"),
            ("?show=accepted", "Nothing accepted yet"),
            ("?search=nowhere", "No scene matches"),
        ],
    )
    def test_an_empty_list_says_what_to_do(self, lara, query, words):
        assert words in page(lara, query)

    def test_odd_addresses_are_no_fault(self, lara, people):
        mine(people, "city")
        for query in ("?show=nothing", "?page=x", "?page=0", "?page=²", "?priority=9", "?overdue=maybe"):
            assert lara.get(reverse("queue") + query).status_code == 200

    def test_pages_follow_each_other(self, lara, people):
        Scene.objects.bulk_create(Scene(name=f"s-{n:03}", labeler=people["lara"], frame_count=1) for n in range(60))
        first, second = page(lara), page(lara, "?page=2")
        assert ("s-049" in first, "s-050" in first, 'id="page-after"' in first) == (True, False, True)
        assert ("s-050" in second, 'id="page-before"' in second, 'id="page-after"' in second) == (True, True, False)

    def test_many_scenes_cost_as_many_queries_as_one(
        self, lara, people, django_assert_num_queries, django_assert_max_num_queries
    ):
        def one_more(name):
            scene = mine(people, name)
            services.take(scene=scene, by=people["lara"])
            new_labels(scene, by=people["lara"])
            if name.endswith("back"):
                services.submit(scene=scene, by=people["lara"])
                services.send_back(scene=scene, by=people["carl"], reason="again")

        one_more("first-back")
        page(lara)
        with django_assert_max_num_queries(20) as few:
            page(lara)
        for number in range(12):
            one_more(f"scene-{number}" + ("-back" if number % 2 else ""))
        with django_assert_num_queries(len(few)):
            page(lara)

    def test_the_rail_shows_pages_to_people_with_the_right_only(self, client, people):
        for name, found in (("lara", ("My queue",)), ("rita", ("To review",)), ("carl", ("My queue", "To review"))):
            client.force_login(people[name])
            html = client.get(reverse("explorer")).content.decode()
            assert [words for words in ("My queue", "To review") if f'title="{words}"' in html] == list(found)


class TestButtons:
    def test_the_row_comes_back_as_it_is_then(self, lara, people):
        scene = mine(people, "city")
        answer = press(lara, scene, "take")
        html = answer.content.decode()
        assert answer.headers["HX-Retarget"] == f"#task-{scene.pk}"
        assert "It is yours." in html
        assert 'id="found" hx-swap-oob="true"' in html  # the counts above come along
        assert reverse("work-labels", args=[scene.pk]) in html

    def test_without_scripts_the_page_comes_back_with_its_filters(self, lara, people):
        scene = mine(people, "city")
        answer = press(lara, scene, "take", htmx=False, back="search=city&evil=")
        assert (answer.status_code, answer.url) == (302, "/queue/?search=city")
        assert "It is yours." in page(lara)

    def test_a_conflict_shows_the_row_and_why(self, lara, people):
        scene = a_plain_scene()
        services.take(scene=scene, by=people["leo"])
        answer = press(lara, scene, "take")
        assert answer.status_code == 409
        assert "city is in progress by leo" in answer.content.decode()

    def test_another_person_s_scene_is_refused(self, lara, people):
        scene = a_plain_scene(labeler=people["leo"])
        assert press(lara, scene, "take").status_code == 403

    def test_submitting_old_labels_asks_for_the_reason(self, lara, people):
        scene = mine(people, "city")
        new_labels(scene)
        services.take(scene=scene, by=people["lara"])
        assert "Why are they right as they are?" in page(lara)
        assert press(lara, scene, "submit").status_code == 409
        assert press(lara, scene, "submit", reason="checked").status_code == 200
        scene.refresh_from_db()
        assert scene.status == LabelingStatus.IN_REVIEW

    def test_given_back(self, lara, people):
        scene = mine(people, "city")
        assert "Anybody may take it now." in press(lara, scene, "give-back").content.decode()
        assert Scene.objects.get().labeler is None

    def test_the_next_scene(self, lara, people):
        assert lara.post(reverse("queue-next")).url == "/queue/"
        assert "No scene waits to be labelled." in page(lara)
        scene = a_plain_scene()
        assert lara.post(reverse("queue-next")).url == f"/queue/#task-{scene.pk}"

    def test_steps_are_asked_by_post_with_a_token(self, people, client):
        from django.test import Client

        strict = Client(enforce_csrf_checks=True)
        strict.force_login(people["lara"])
        scene = mine(people, "city")
        for step in ("take", "labels", "submit", "give-back"):
            assert strict.get(reverse(f"work-{step}", args=[scene.pk])).status_code == 405
            assert strict.post(reverse(f"work-{step}", args=[scene.pk]), {"page": "queue"}).status_code == 403
        scene.refresh_from_db()
        assert scene.status == LabelingStatus.UNLABELED


class TestNewLabels:
    @pytest.fixture
    def scene(self, people):
        services.sync_shipped_ontologies(by=None)
        scene = a_ready_scene(frames=2, points=100)
        return services.take(scene=scene, by=people["lara"])

    @pytest.fixture
    def files(self, tmp_path):
        folder = a_label_folder(tmp_path, frames=2, points=100)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def send(self, client, scene, files=(), **fields):
        told = {"ontology": "SemanticKITTI", "kind": "semantic-kitti"} | fields
        uploads = [SimpleUploadedFile(name, data) for name, data in dict(files).items()]
        return press(client, scene, "labels", **told, **({"files": uploads} if uploads else {}))

    def send_pack(self, client, scene, files, sizes=None):
        pack = SimpleUploadedFile("labels.pack", b"".join(files.values()))
        sizes = [[name, len(data)] for name, data in files.items()] if sizes is None else sizes
        fields = {"ontology": "SemanticKITTI", "kind": "semantic-kitti", "pack": pack}
        return press(client, scene, "labels", sizes=sizes if isinstance(sizes, str) else json.dumps(sizes), **fields)

    def test_files_become_the_next_version_by_this_person(self, lara, people, scene, files):
        html = self.send(lara, scene, files, note="first shift").content.decode()
        assert "Labels v1 are in: 2 of 2 frames." in html
        label_set = scene.label_sets.get()
        assert (label_set.author, label_set.note) == (people["lara"], "first shift")

    def test_a_pack_is_the_same(self, lara, scene, files):
        assert "Labels v1 are in: 2 of 2 frames." in self.send_pack(lara, scene, files).content.decode()
        kept = [labels.original.read() for labels in scene.label_sets.get().frames.all()]
        assert kept == list(files.values())

    @pytest.mark.parametrize("sizes", ["", "[]", "{}", '[["000000.label", 1]]', '[["..", 800]]', '[[1, "x"]]', "[1]"])
    def test_a_pack_without_its_names_is_refused(self, lara, scene, files, sizes):
        answer = self.send_pack(lara, scene, files, sizes=sizes)
        assert answer.status_code == 400
        assert "Send them again." in answer.content.decode()
        assert not scene.label_sets.exists()

    def test_what_does_not_fit_is_told_with_frame_and_counts(self, lara, scene, files):
        files["000001.label"] = files["000001.label"][:-8]
        answer = self.send(lara, scene, files)
        assert answer.status_code == 400
        html = answer.content.decode()
        assert "000001.label for frame 000001.pcd" in html
        assert "98" in html
        assert "/tmp" not in html

    def test_files_of_other_frames_are_refused_without_the_server_s_folders(self, lara, scene, files):
        answer = self.send(lara, scene, {f"other-{name}": data for name, data in files.items()})
        assert answer.status_code == 400
        html = answer.content.decode()
        assert "none of the 2 label files is named like a frame" in html
        assert "labels-" not in html

    def test_files_without_a_frame_are_told(self, lara, scene, files):
        html = self.send(lara, scene, files | {"extra.label": b"1234"}).content.decode()
        assert "1 files belong to no frame and were left out: extra.label." in html

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"kind": "magic"}, "Choose what the label files are."),
            ({"ontology": "nothing"}, "there is no ontology"),
            ({}, "Choose the label files"),
        ],
    )
    def test_wishes_that_make_no_sense(self, lara, scene, fields, words):
        answer = self.send(lara, scene, **fields)
        assert answer.status_code == 400
        assert words in answer.content.decode()

    def test_labels_for_another_s_scene_are_refused(self, client, people, scene, files):
        client.force_login(people["leo"])
        assert self.send(client, scene, files).status_code == 403
        assert not scene.label_sets.exists()

    def test_more_bytes_than_labels_can_have_are_refused_before_they_are_read(self, lara, scene):
        answer = self.send(lara, scene, {"000000.label": b"x" * 5 * 1024**2})
        assert answer.status_code == 413
        assert "at most" in answer.content.decode()

    def test_two_files_of_one_name_are_refused(self, lara, scene, files):
        twice = [SimpleUploadedFile("000000.label", data) for data in files.values()]
        answer = press(lara, scene, "labels", ontology="SemanticKITTI", kind="semantic-kitti", files=twice)
        assert answer.status_code == 400
        assert "Two files are named 000000.label" in answer.content.decode()
