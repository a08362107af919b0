"""The explorer: what a person finds in the table, and how it answers to filters, sorting and pages."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from experiments.tests.stories import a_run, a_version
from lamm.explorer_columns import STANDARD
from lamm.tables import page_numbers
from lamm.tests.explorer_stories import HTMX, UNCERTAIN, a_scene, names_in, page
from scenes import listing
from scenes.models import Frame, IngestJob, IngestKind, IngestState, PositionState, Scene
from scenes.tests.factories import a_drive_folder, a_queued_job, a_ready_scene
from scenes.tests.workflows import worked

pytestmark = pytest.mark.django_db
QUERIES = 14


class TestWhoMaySee:
    def test_a_stranger_is_sent_to_the_log_in(self, client):
        response = client.get(reverse("explorer"))
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("login"))

    def test_an_account_without_a_role_is_refused_in_words(self, client):
        client.force_login(User.objects.create_user("nora"))
        response = client.get(reverse("explorer"))
        assert response.status_code == 403
        assert "Ask an administrator" in response.content.decode()

    def test_the_admin_is_offered_to_staff_only(self, viewer, admin_client):
        assert reverse("admin:index") not in page(viewer)
        assert reverse("admin:index") in page(admin_client)


class TestWhatARowShows:
    def test_an_ingested_scene_with_all_its_facts(self, viewer):
        scene = a_ready_scene(
            name="city-01", frames=2, points=400, tags=("rain",), drive="monday", rate_hz=10,
            captured_at=datetime(2026, 5, 4, 9, 12, tzinfo=UTC),
        )  # fmt: skip
        html = page(viewer)
        assert reverse("scene-thumbnail", args=[scene.pk, scene.thumbnail.digest]) in html
        assert reverse("scene", args=[scene.pk]) in html
        for words in (
            "city-01",
            "Unlabeled",
            "rain",
            "monday",
            "2026-05-04",
            "Missing",
            'title="800 points"',
        ):
            assert words in html

    def test_there_is_a_cell_for_every_heading(self, viewer):
        a_scene("city-01")
        html = page(viewer)
        row = html.split('<tbody id="rows">')[1].split("</tr>")[0]
        assert len(re.findall(r"<td[ >]", row)) == len(re.findall(r"<th[ >]", html)) == len(STANDARD) + 1

    def test_a_known_position_leads_to_a_map(self, viewer):
        a_scene(
            "on-earth", position_state=PositionState.KNOWN, start_latitude=49.0, start_longitude=8.4,
            end_latitude=49.1, end_longitude=8.5,
        )  # fmt: skip
        html = page(viewer)
        assert "openstreetmap.org/?mlat=49.000000&amp;mlon=8.400000" in html
        assert "49.1000, 8.5000" in html

    def test_an_unusable_position_says_why(self, viewer):
        a_scene("null-island", position_state=PositionState.UNUSABLE, position_problem="(0, 0) is no position")
        html = page(viewer)
        assert "Unusable" in html
        assert 'title="(0, 0) is no position"' in html

    def test_bad_frames_are_counted_in_the_row_and_lead_to_them(self, viewer):
        scene = a_scene("half", frame_count=5, quarantined_count=2)
        html = page(viewer)
        assert "2 bad frames" in html
        assert f"/scenes/{scene.pk}/?frames=quarantined#frames" in html

    def test_uncertainty_names_its_measure_and_leads_to_scenes_of_its_model(self, viewer):
        a_scene("hard", **{**UNCERTAIN, "uncertainty_evaluation": None})
        html = page(viewer)
        assert "0.831" in html
        assert "predictive entropy" in html
        assert 'href="/explorer/?source_model=ensemble-v2"' in html

    def test_the_source_leads_to_its_evaluation_where_that_is_known(self, viewer):
        a_scene("hard", **UNCERTAIN)
        assert 'href="/evaluations/7/"' in page(viewer)

    def test_use_in_training_is_told_by_yes_and_by_the_runs_that_are_known(self, viewer):
        used = a_scene("used", used_in_training=True)
        a_scene("unused")
        assert page(viewer).count('class="yes"') == 1
        a_version("Urban", train=[used])
        run = a_run(dataset="Urban@v1")
        assert str(run) in page(viewer)

    def test_names_are_never_html(self, viewer):
        a_scene("<script>alert(1)</script>")
        assert "<script>alert" not in page(viewer)


class TestIngestion:
    def test_a_waiting_scene_shows_progress_and_the_table_refreshes_itself(self, viewer, tmp_path):
        job = a_queued_job(a_drive_folder(tmp_path, name="incoming", frames=3))
        html = page(viewer)
        assert "Waiting for a worker" in html
        assert 'hx-trigger="every 3s"' in html
        IngestJob.objects.filter(pk=job.pk).update(state=IngestState.RUNNING)
        Frame.objects.filter(index=0).update(state="quarantined", problem="cut")
        assert "1 of 3 frames" in page(viewer)

    def test_a_failed_scene_says_so_and_nothing_refreshes(self, viewer, tmp_path):
        job = a_queued_job(a_drive_folder(tmp_path))
        job.finish(IngestState.FAILED, "No frame could be read.")
        job.save()
        html = page(viewer)
        assert "Ingest failed" in html
        assert 'href="/jobs/?search=city-drive-01">why, and retry</a>' in html
        assert "No frame could be read." in html
        assert "every 3s" not in html

    def test_a_rebuild_says_what_it_does_and_counts_no_frames(self, viewer):
        a_ready_scene().ingest_jobs.create(state=IngestState.RUNNING, kind=IngestKind.THUMBNAILS)
        html = page(viewer)
        assert "Rebuild pictures, running" in html
        assert "<progress" not in html

    def test_a_done_scene_has_no_note(self, viewer):
        a_ready_scene()
        html = page(viewer)
        assert "ingest-note" not in html
        assert "every 3s" not in html


class TestFilters:
    @pytest.fixture(autouse=True)
    def library(self, admin_user):
        a_scene("city-rain", tags=["rain", "urban"], drive="monday", **worked("labeled", labeler=admin_user))
        a_scene("city-night", tags=["night"], point_count=5000, **worked("in_review"))
        a_scene("road", drive="tuesday", position_state=PositionState.UNUSABLE, position_problem="NaN")

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("?search=city", {"city-rain", "city-night"}),
            ("?search=MON+city", {"city-rain"}),
            ("?search=urba", {"city-rain"}),
            ("?status=labeled&status=in_review", {"city-rain", "city-night"}),
            ("?tag=Rain", {"city-rain"}),
            ("?drive=tuesday", {"road"}),
            ("?labeler=admin", {"city-rain"}),
            ("?position=unusable", {"road"}),
            ("?points_min=4000", {"city-night"}),
            ("?search=city&tag=night", {"city-night"}),
            ("?search=&tag=", {"city-rain", "city-night", "road"}),
            ("?tag_any=rain&tag_any=night", {"city-rain", "city-night"}),
            ("?tag_none=rain", {"city-night", "road"}),
            ('?rules={"not":{"column":"tag","empty":true}}', {"city-rain", "city-night"}),
        ],
    )
    def test_narrow_the_table(self, viewer, query, found):
        assert set(names_in(page(viewer, query))) == found

    def test_no_match_offers_a_way_back(self, viewer):
        html = page(viewer, "?search=zeppelin")
        assert "No scene matches" in html
        assert 'href="/explorer/" data-go' in html

    def test_no_match_names_each_filter_and_offers_to_take_it_away(self, viewer):
        html = page(viewer, "?search=zeppelin&status=labeled&status=in_review&points_min=1000&sort=name")
        nothing = html.split('class="nothing"')[1]
        ways = re.findall(r'<a class="button" href="([^"]+)" data-go>', nothing)
        assert [unescape(way) for way in ways] == [
            "/explorer/?status=labeled&status=in_review&points_min=1000&sort=name",
            "/explorer/?search=zeppelin&status=in_review&points_min=1000&sort=name",
            "/explorer/?search=zeppelin&status=labeled&points_min=1000&sort=name",
            "/explorer/?search=zeppelin&status=labeled&status=in_review&sort=name",
        ]

    def test_a_value_that_names_nothing_is_told_and_lists_nothing(self, viewer):
        html = page(viewer, "?drive=nosuch")
        assert "There is no drive “nosuch”." in html
        assert names_in(html) == []
        assert "nothing is listed" in html

    def test_the_form_shows_what_is_filtered(self, viewer):
        html = page(viewer, "?search=city&status=labeled&tag=rain&size_min=2500000")
        assert 'value="city"' in html
        assert re.search(r'name="status" value="labeled" checked', html)
        assert re.search(r'name="tag" value="rain" checked', html)
        assert re.search(r'name="size_min"[^>]* value="2.5"', html)
        assert "Clear all" in html

    def test_clearing_keeps_how_the_list_is_looked_at(self, viewer):
        html = page(viewer, "?search=city&sort=-points&view=grid&page=1")
        assert 'id="clear" href="/explorer/?sort=-points&amp;view=grid"' in html


def test_an_empty_library_says_what_to_do(viewer):
    html = page(viewer)
    assert "No scenes yet" in html
    assert "manage.py ingest FOLDER --wait" in html


class TestSorting:
    @pytest.fixture(autouse=True)
    def library(self):
        a_scene("b", point_count=10, duration_seconds=2, **UNCERTAIN)
        a_scene("a", point_count=30, duration_seconds=None)
        a_scene("c", point_count=20, duration_seconds=1, **UNCERTAIN | {"max_frame_uncertainty": 0.3})

    @pytest.mark.parametrize(
        ("sort", "order"),
        [
            ("", ["c", "a", "b"]),
            ("name", ["a", "b", "c"]),
            ("-name", ["c", "b", "a"]),
            ("-points", ["a", "c", "b"]),
            ("duration", ["c", "b", "a"]),
            ("-duration", ["b", "c", "a"]),
            ("-max_uncertainty", ["b", "c", "a"]),
            ("nonsense", ["c", "a", "b"]),
            ("thumbnail", ["c", "a", "b"]),
        ],
    )
    def test_orders_rows_with_empty_values_last(self, viewer, sort, order):
        assert names_in(page(viewer, f"?sort={sort}")) == order

    def test_the_heading_says_its_direction_and_turns_it_around(self, viewer):
        html = page(viewer, "?sort=-points")
        assert html.count('aria-sort="descending"') == 1
        heading = re.search(r'id="sort-points" href="([^"]+)"', html)
        assert heading.group(1) == "?sort=points"


class TestPages:
    @pytest.fixture(autouse=True)
    def library(self):
        Scene.objects.bulk_create(Scene(name=f"scene-{number:03d}") for number in range(60))

    def test_show_every_scene_once(self, viewer):
        seen = [name for number in (1, 2, 3) for name in names_in(page(viewer, f"?page={number}&sort=status"))]
        assert len(seen) == len(set(seen)) == 60

    @pytest.mark.parametrize("number", ["0", "-1", "x", "², ", "99999999999"])
    def test_a_page_number_that_makes_no_sense_is_the_first(self, viewer, number):
        assert "1–25 of 60" in page(viewer, f"?page={number}")  # noqa: RUF001

    def test_a_page_past_the_end_is_the_last(self, viewer):
        assert "51–60 of 60" in page(viewer, "?page=9")  # noqa: RUF001

    def test_more_rows_on_a_page(self, viewer):
        assert len(names_in(page(viewer, "?rows=50"))) == 50

    def test_counting_stops_at_the_cap_but_paging_goes_on(self, viewer, monkeypatch):
        monkeypatch.setattr(listing.listing_count, "__defaults__", (30,))
        html = page(viewer)
        assert "30+</strong> in the library" in html
        assert "51–60 of 30+" in page(viewer, "?page=3")  # noqa: RUF001

    def test_the_way_to_the_next_page_keeps_the_filters(self, viewer):
        assert 'href="?search=scene&amp;page=2"' in page(viewer, "?search=scene")


@pytest.mark.parametrize(
    ("current", "last", "more", "numbers"),
    [
        (1, 1, False, [1]),
        (1, 4, False, [1, 2, 3, 4]),
        (3, 4, False, [1, 2, 3, 4]),
        (1, 9, False, [1, 2, 3, None, 9]),
        (5, 9, False, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (6, 40, True, [1, None, 4, 5, 6, 7, 8, None, 40, None]),
    ],
)
def test_the_pager_shows_the_ends_and_the_neighbours(current, last, more, numbers):
    assert page_numbers(current, last, more=more) == numbers


class TestPartialAnswers:
    def test_htmx_gets_the_part_and_the_address_that_means_it(self, viewer):
        a_scene("city-01")
        response = viewer.get(reverse("explorer") + "?search=city&tag=&page=1", headers=HTMX)
        assert b"<html" not in response.content
        assert response["HX-Push-Url"] == "/explorer/?search=city&page=1"
        assert "HX-Request" in response["Vary"]

    def test_a_refresh_leaves_the_address_alone(self, viewer):
        response = viewer.get(reverse("explorer"), headers={**HTMX, "HX-Trigger": "refresh"})
        assert "HX-Push-Url" not in response


def test_as_many_queries_for_thirty_rows_as_for_one(viewer, django_assert_num_queries):
    def fill(count: int) -> None:
        for number in range(count):
            drive = f"drive-{Scene.objects.count()}"
            labeler = User.objects.create_user(drive)
            scene = a_scene(f"scene-{drive}", tags=["rain", drive], drive=drive, labeler=labeler, **UNCERTAIN)
            scene.ingest_jobs.create(state=IngestState.RUNNING)
            Frame.objects.create(scene=scene, index=0, name=str(number))

    fill(1)
    page(viewer, "?rows=50")  # content types and permissions are remembered from here on
    queries = QUERIES
    with django_assert_num_queries(queries):
        assert len(names_in(page(viewer, "?rows=50"))) == 1
    fill(29)
    with django_assert_num_queries(queries):
        assert len(names_in(page(viewer, "?rows=50"))) == 30
