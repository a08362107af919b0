"""The builder: what goes into a draft, what its plan becomes, who is told of whom, and what a frozen one refuses."""

import re
from html import unescape

import pytest
from django.urls import reverse

from datasets import services
from datasets.models import DatasetVersion, VersionState
from datasets.tests.stories import a_draft, a_person, some_scenes
from lamm import builder_steps
from lamm.staging import stamp

pytestmark = pytest.mark.django_db
QUERIES = 34
HTMX = {"HX-Request": "true"}
PLAN = {
    "train_percent": 80, "val_percent": 10, "test_percent": 10, "balance": "frames", "seed": 7, "grouping": "drive",
    "cell_metres": 1000, "keep_previous": "on",
}  # fmt: skip


@pytest.fixture
def carla(client):
    person = a_person()
    client.force_login(person)
    return person


@pytest.fixture
def draft(carla):
    return services.create_dataset(name="Urban", by=carla)


def page(client, version, query: str = "", **headers) -> str:
    response = client.get(reverse("builder", args=[version.pk]) + query, headers=headers or None)
    assert response.status_code == 200
    return unescape(response.content.decode())


def step(client, version, route: str, **given):
    return client.post(reverse(f"builder-{route}", args=[version.pk]), given, headers=HTMX)


def fresh(version: DatasetVersion) -> DatasetVersion:
    return DatasetVersion.objects.get(pk=version.pk)


def freeze_it(client, version):
    services.draw_splits(version=version, by=None)
    asked = client.get(reverse("builder-freeze", args=[version.pk])).content.decode()
    names = re.findall(r'name="acknowledged" value="([^"]+)"', asked)
    return client.post(reverse("builder-freeze-now", args=[version.pk]), {"acknowledged": names}, headers=HTMX)


class TestThePage:
    def test_the_explorer_stands_beside_an_empty_staging_area(self, client, draft):
        some_scenes(2)
        text = page(client, draft)
        assert "Nothing staged yet" in text
        assert "Add all 2 that match" in text
        assert f'data-url="{reverse("builder", args=[draft.pk])}"' in text  # the list is asked for here

    def test_filters_of_the_explorer_hold_and_the_address_keeps_both_sides(self, client, carla):
        scenes = some_scenes(3)
        scenes[0].tags.add("night")
        version = a_draft(scenes[:1], by=carla)
        text = page(client, version, "?tag=night&staged_tab=statistics&staged_search=x")
        assert "Add all 1 that match" in text
        assert 'name="matching" value="tag=night"' in text  # nothing of the staging area is a filter
        assert text.count("data-staged title") == 1
        response = client.get(reverse("builder", args=[version.pk]) + "?tag=night&staged_tab=slices", headers=HTMX)
        assert response["HX-Push-Url"] == f"/datasets/{version.pk}/builder/?tag=night"
        assert "staging-summary" not in response.content.decode()

    def test_who_may_only_look_sees_why_nothing_can_be_changed(self, client, draft):
        client.force_login(a_person("vera", "viewer"))
        text = page(client, draft)
        assert "Your account may look at datasets, not build them." in text
        assert reverse("builder-add", args=[draft.pk]) not in text
        assert step(client, draft, "add", which="all").status_code == 403

    def test_the_number_of_queries_does_not_grow(self, client, carla, django_assert_max_num_queries):
        version = a_draft(some_scenes(20, drives=5), by=carla)
        services.draw_splits(version=version, by=carla)
        page(client, version)
        with django_assert_max_num_queries(QUERIES):
            page(client, version)


class TestAddingAndRemoving:
    def test_ticked_scenes_go_in_and_the_answer_shows_them(self, client, draft):
        one, two, _ = some_scenes(3)
        response = step(client, draft, "add", which="selected", scenes=f"{one.pk},{two.pk}")
        text = response.content.decode()
        assert {item.scene for item in draft.items.all()} == {one, two}
        assert "2 scenes added." in text
        assert 'id="total-scenes">2<' in text
        assert response["HX-Trigger"] == "builder:changed"

    def test_all_that_match_go_in_and_those_that_were_in_are_counted(self, client, draft):
        scenes = some_scenes(4)
        for scene in scenes[:3]:
            scene.tags.add("night")
        step(client, draft, "add", scenes=str(scenes[0].pk))
        text = step(client, draft, "add", which="all", matching="tag=night").content.decode()
        assert draft.items.count() == 3
        assert "2 scenes added, 1 was in it already." in text

    def test_many_go_in_by_parts_whose_progress_is_shown(self, client, draft, monkeypatch):
        monkeypatch.setattr(builder_steps, "AT_ONCE", 2)
        some_scenes(5)
        given = {"which": "all", "matching": ""}
        for done in (2, 4):
            text = step(client, draft, "add", **given).content.decode()
            assert f'<progress class="progress" value="{done}" max="5">' in text
            given |= dict(re.findall(r'name="(after|total|added|already)" value="(\d+)"', text))
        text = step(client, draft, "add", **given).content.decode()
        assert "5 scenes added." in text
        assert draft.items.count() == 5

    def test_all_that_match_are_taken_out(self, client, carla):
        scenes = some_scenes(4)
        scenes[1].tags.add("rain")
        version = a_draft(scenes, by=carla)
        text = step(client, version, "remove", which="all", matching="tag=rain").content.decode()
        assert "1 scene taken out." in text
        assert scenes[1] not in {item.scene for item in version.items.all()}

    @pytest.mark.parametrize("given", [{"scenes": ""}, {"scenes": "1,x"}, {"which": "all", "matching": "colour=red"}])
    def test_what_can_not_be_read_changes_nothing_and_is_told_in_its_place(self, client, draft, given):
        some_scenes(1)
        response = step(client, draft, "add", **given)
        assert response.status_code == 400
        assert response["HX-Retarget"] == "#staging-said"
        assert "notice-error" in response.content.decode()
        assert not draft.items.exists()

    def test_without_scripts_the_same_form_leads_back_with_a_notice(self, client, draft):
        some_scenes(2)
        response = client.post(reverse("builder-add", args=[draft.pk]), {"which": "all", "matching": ""}, follow=True)
        assert response.redirect_chain == [(reverse("builder", args=[draft.pk]), 302)]
        assert "2 scenes added." in response.content.decode()

    def test_a_scene_said_to_be_in_a_split_is_drawn_there(self, client, carla):
        scenes = some_scenes(6, drives=6)
        version = a_draft(scenes, by=carla)
        step(client, version, "split", scenes=str(scenes[0].pk), split="test")
        step(client, version, "draw")
        assert version.items.get(scene=scenes[0]).split == "test"


class TestThePlan:
    def test_it_is_kept_and_the_splits_are_drawn_anew(self, client, carla):
        version = a_draft(some_scenes(10, drives=10), by=carla)
        number = fresh(version).plan_number
        response = step(client, version, "plan", **PLAN | {"train_percent": 60, "val_percent": 20, "test_percent": 20},
                        plan_number=number)  # fmt: skip
        text = response.content.decode()
        assert fresh(version).ratios == {"train": 60, "val": 20, "test": 20}
        assert f'name="plan_number" value="{number + 1}"' in text
        assert "Drawing the splits" in text
        text = step(client, version, "draw").content.decode()
        assert re.search(r"60\.0 % of 60 %", text)
        assert "Drawing the splits" not in text

    def test_shares_that_do_not_sum_to_100_are_refused(self, client, draft):
        response = step(client, draft, "plan", **PLAN | {"train_percent": 81})
        assert response.status_code == 400
        assert "They must sum to 100" in response.content.decode()
        assert fresh(draft).train_percent == 80

    def test_a_change_by_somebody_else_meanwhile_is_told_and_may_be_overruled(self, client, draft):
        seen = draft.plan_number
        services.set_plan(version=draft, plan={"seed": 99}, by=a_person("otto"))
        response = step(client, draft, "plan", **PLAN | {"seed": 5}, plan_number=seen)
        text = response.content.decode()
        assert response.status_code == 409
        assert "<b>otto</b> changed the plan meanwhile" in text
        assert "<code>seed</code> is now <b>99</b>" in text
        assert fresh(draft).seed == 99
        number = re.search(r'name="seen" value="(\d+)"', text).group(1)
        step(client, draft, "plan", **PLAN | {"seed": 5}, plan_number=seen, seen=number)
        assert fresh(draft).seed == 5

    def test_what_could_not_be_met_is_explained(self, client, carla):
        version = a_draft(some_scenes(4, drives=1), by=carla)
        text = unescape(step(client, version, "draw").content.decode())
        assert "instead of 80 %: drive drive-0 alone holds 100 % of the frames" in text


class TestOthersAtWork:
    def test_nothing_is_sent_as_long_as_nothing_changed(self, client, carla):
        version = a_draft(some_scenes(2), by=carla)
        url = reverse("builder-staged", args=[version.pk])
        seen = stamp(fresh(version))
        assert client.get(url, {"stamp": seen}).status_code == 204
        services.add_scenes(version=version, scenes=[some_scenes(1, name="new")[0].pk], by=a_person("otto"))
        response = client.get(url, {"stamp": seen})
        assert 'id="total-scenes">3<' in response.content.decode()

    @pytest.mark.parametrize("change", ["plan", "split", "slice", "remove", "draw", "notes"])
    def test_every_kind_of_change_is_seen(self, client, carla, change):
        scenes = some_scenes(4, drives=4)
        version = a_draft(scenes, by=carla)
        seen = stamp(fresh(version))
        {
            "plan": lambda: services.set_plan(version=version, plan={"seed": 3}, by=carla),
            "split": lambda: services.set_split(version=version, scenes=[scenes[0].pk], split="val", by=carla),
            "slice": lambda: services.set_slice(version=version, name="all", rule="status=labeled", by=carla),
            "remove": lambda: services.remove_scenes(version=version, scenes=[scenes[0].pk], by=carla),
            "draw": lambda: services.draw_splits(version=version, by=carla),
            "notes": lambda: services.set_notes(version=version, notes="New", by=carla),
        }[change]()
        assert stamp(fresh(version)) != seen

    def test_the_page_of_a_draft_that_somebody_froze_is_loaded_anew(self, client, carla):
        version = a_draft(some_scenes(4, drives=4), by=carla)
        seen = stamp(fresh(version))
        freeze_it(client, version)
        response = client.get(reverse("builder-staged", args=[version.pk]), {"stamp": seen, "was": "draft"})
        assert response["HX-Refresh"] == "true"


class TestTheStagedScenes:
    def test_they_are_searched_by_split_and_by_name_and_sorted(self, client, carla):
        version = a_draft(some_scenes(10, drives=10), by=carla)
        services.draw_splits(version=version, by=carla)
        url = reverse("builder-staged", args=[version.pk])

        def found(**query):
            return re.findall(r'class="scene-link"[^>]*>([^<]+)<', client.get(url, query).content.decode())

        assert found(staged_search="scene-003") == ["scene-003"]
        assert len(found(staged_split="val")) == 1
        assert found(staged_sort="name") == [f"scene-{number:03d}" for number in range(10)]
        assert found(staged_sort="-name")[0] == "scene-009"
        assert found(staged_search="no such") == []

    def test_a_page_past_the_end_is_the_last_one(self, client, carla):
        version = a_draft(some_scenes(27, frames=1, labels=False), by=carla)
        text = client.get(reverse("builder-staged", args=[version.pk]), {"staged_page": "9"}).content.decode()
        assert "Page 2 of 2" in text
        assert text.count("data-item=") == 2


class TestSlices:
    def test_by_rule_and_by_list(self, client, carla):
        scenes = some_scenes(4)
        scenes[0].tags.add("rain")
        version = a_draft(scenes, by=carla)
        text = step(client, version, "slice", name="wet", made_of="rule", matching="tag=rain", staged_tab="slices")
        assert "1 scene<" in text.content.decode()
        ids = f"{scenes[1].pk},{scenes[2].pk}"
        text = step(client, version, "slice", name="must-pass", made_of="list", scenes=ids, staged_tab="slices")
        assert "2 scenes<" in text.content.decode()
        wet = version.slices.get(name="wet")
        client.post(reverse("builder-slice-remove", args=[version.pk, wet.pk]), headers=HTMX)
        assert [one.name for one in version.slices.all()] == ["must-pass"]

    def test_a_slice_of_another_version_is_not_found_here(self, client, carla):
        version = a_draft(some_scenes(2), by=carla)
        other = services.create_dataset(name="Other", by=carla)
        slice_ = services.set_slice(version=version, name="wet", rule="status=labeled", by=carla)
        assert client.post(reverse("builder-slice-remove", args=[other.pk, slice_.pk])).status_code == 404


class TestSaving:
    def test_every_warning_stands_with_its_box_and_the_version_is_frozen(self, client, carla):
        version = a_draft(some_scenes(10, drives=10, labels=False), by=carla)
        services.draw_splits(version=version, by=carla)
        asked = client.get(reverse("builder-freeze", args=[version.pk])).content.decode()
        assert 'name="acknowledged" value="unlabelled-scenes"' in asked
        response = freeze_it(client, version)
        assert response["HX-Redirect"] == "/datasets/Urban_Night_Scenes/v1/"
        assert fresh(version).state == VersionState.FROZEN

    def test_a_warning_that_is_left_out_keeps_it_a_draft_and_what_was_ticked_stays(self, client, carla):
        version = a_draft(some_scenes(4, drives=1, labels=False), by=carla)
        services.draw_splits(version=version, by=carla)
        url = reverse("builder-freeze-now", args=[version.pk])
        response = client.post(url, {"acknowledged": ["unlabelled-scenes"]}, headers=HTMX)
        text = response.content.decode()
        assert response.status_code == 409
        assert "Read each warning that is not ticked yet" in text
        assert 'value="unlabelled-scenes" checked' in text
        assert fresh(version).is_draft

    def test_an_empty_draft_is_not_offered_to_be_saved(self, client, draft):
        text = client.get(reverse("builder-freeze", args=[draft.pk])).content.decode()
        assert "The draft has no scenes yet" in text
        assert "data-freeze" not in text


class TestAFrozenVersion:
    def test_the_page_says_why_and_offers_the_next_version(self, client, carla):
        version = a_draft(some_scenes(4, drives=4), by=carla)
        freeze_it(client, version)
        text = page(client, version)
        assert "Nothing of it changes any more" in text
        assert "Make a new version" in text
        assert reverse("builder-add", args=[version.pk]) not in text
        assert "<fieldset disabled" in text

    @pytest.mark.parametrize(
        ("name", "given"),
        [("add", {"which": "all", "matching": ""}), ("remove", {"which": "all", "matching": ""}), ("plan", PLAN),
         ("draw", {}), ("notes", {"notes": "x"}), ("slice", {"name": "x", "matching": "status=labeled"}),
         ("split", {"scenes": "1", "split": "val"}), ("freeze-now", {})],
    )  # fmt: skip
    def test_every_step_is_refused_in_words(self, client, carla, name, given):
        scenes = some_scenes(4, drives=4)
        version = a_draft(scenes, by=carla)
        freeze_it(client, version)
        before = fresh(version).digest
        response = step(client, version, name, **given)
        assert response.status_code == 409
        assert "frozen" in response.content.decode()
        assert (fresh(version).digest, version.items.count()) == (before, 4)
