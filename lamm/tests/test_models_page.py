"""The list of models: what a row tells, filters in the address, and what waits for a decision."""

from html import unescape

import pytest

from experiments.services import record_metrics
from experiments.tests.stories import a_batch, a_person
from lamm.templatetags.markdown import markdown, markdown_words
from registry import services
from registry.tests.stories import MODEL, a_trained_run, a_version, a_world, ask, evaluate, promote

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return a_world()


@pytest.fixture
def seen(client, world):
    """`seen(query)`: the page as the engineer sees it."""
    client.force_login(world.engineer)

    def page(query: str = "", **headers: str) -> str:
        answer = client.get(f"/models/{query}", headers=headers)
        assert answer.status_code == 200
        return unescape(answer.content.decode())

    return page


class TestRows:
    def test_a_row_tells_name_source_figures_stage_notes_date_and_who(self, world, seen):
        run = a_trained_run(world, status="running", finished_at=None)
        record_metrics(run=run, batch=a_batch("val/loss", values=[0.9, 0.5, 0.1234]), by=world.engineer)
        evaluate(run, world, right=0.9, confidence=0.95)
        card = {"release_notes": "# Better\n\n**night** is fine"}
        version = services.register_version(model=MODEL, run=run, label="v3.2", card=card, by=world.engineer)
        services.set_alias(version=version, name="champion", by=world.engineer)
        promote(world, version)
        text = seen()
        for words in ("v3.2", f"/runs/{run.pk}/", "0.818", "0.050", "0.1234", "Production", "Better night is fine",
                      "@champion", "clean", "erik", "RandLA-Net"):  # fmt: skip
            assert words in text

    def test_contaminated_and_unevaluated_versions_are_marked(self, world, seen):
        run = a_trained_run(world)
        evaluate(run, world, contamination="contaminated")
        services.register_version(model="m", run=run, by=world.engineer)
        services.register_version(model="n", run=a_trained_run(world, weights=b"n"), by=world.engineer)
        text = seen()
        assert "contaminated" in text
        assert "not evaluated" in text

    def test_the_cost_does_not_grow_with_the_rows(self, world, client, django_assert_max_num_queries):
        for _ in range(5):
            ask(world, a_version(world))
        client.force_login(world.engineer)
        with django_assert_max_num_queries(16):
            assert client.get("/models/").status_code == 200


class TestFinding:
    def test_filters_stand_in_the_address(self, world, seen):
        promote(world, a_version(world))
        a_version(world, model="other")
        assert "other" not in seen("?stage=production")
        assert MODEL not in seen("?search=other")
        assert "No version matches" in seen("?kind=ensemble")
        assert "No version matches" in seen("?stage=nonsense")

    def test_a_part_is_answered_to_the_filter_form(self, world, seen):
        a_version(world)
        part = seen("?sort=miou", **{"HX-Request": "true"})
        assert "<html" not in part
        assert MODEL in part

    def test_archived_ones_are_shown_when_asked_for(self, world, seen):
        services.archive_version(version=a_version(world), by=world.engineer)
        assert "No version matches" not in seen("?archived=yes")
        assert MODEL not in seen("?search=production")

    def test_an_empty_registry_says_what_to_do_next(self, world, seen):
        assert "Promote a run" in seen()

    def test_what_waits_for_a_decision_stands_above(self, world, seen):
        request = ask(world, a_version(world))
        assert f"#promotion-{request.pk}" in seen()
        services.withdraw(request=request, by=world.engineer)
        assert "waits for a decision" not in seen()

    def test_viewers_see_no_ways_to_change(self, world, client):
        a_version(world)
        client.force_login(a_person("vera", "viewer"))
        text = client.get("/models/").content.decode()
        assert MODEL in text
        assert "Promote a run" not in text
        assert "Webhooks" not in text


class TestMarkdown:
    @pytest.mark.parametrize(
        "text",
        [
            "<script>alert(1)</script>",
            "[x](javascript:alert(1))",
            '<a href="https://a.b" onclick="x()">a</a>',
            "![p](https://e.vil/pixel.png)",
            '<p style="color:red">x</p>',
            "[x](data:text/html;base64,PHN2Zz4=)",
        ],
    )
    def test_nothing_harmful_gets_through(self, text):
        html = str(markdown(text))
        for harmful in (
            "<script",
            'href="javascript',
            '<a href="https://a.b" onclick',
            "<img",
            "<p style",
            'href="data',
        ):
            assert harmful not in html

    def test_what_people_write_is_shown(self):
        html = str(markdown("# Night\n\n- **car** +0.09\n\n| a | b |\n|:-:|-|\n| 1 | 2 |\n\n[x](https://a.b)"))
        for shown in ("<h3>Night</h3>", "<strong>car</strong>", "<td>1</td>", 'href="https://a.b"', "nofollow"):
            assert shown in html
        assert "style" not in html

    def test_lists_show_the_words_alone(self):
        assert markdown_words("# Night\n\n- **car** +0.09\n\n`x`") == "Night car +0.09 x"
        assert markdown_words(None) == ""
