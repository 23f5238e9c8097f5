"""Plans: pure, hashed, complete, and shown so that nobody can draw into them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from include.events.catalogue import load_catalogue
from include.events.errors import InvalidCatalogue
from include.events.plan import plan_from_dict, plan_hash, plan_to_dict
from include.events.presentation import render_markdown
from tests.support.plans import plan_of, request


def test_the_same_request_gives_the_same_plan_and_hash() -> None:
    assert plan_of(request()) == plan_of(request())
    assert plan_hash(plan_of(request())) == plan_hash(plan_of(request()))


@pytest.mark.parametrize("change", [{"attendees": 251}, {"venue": "SETEC"}, {"gates": 5}])
def test_another_request_gives_another_hash(change: dict[str, Any]) -> None:
    assert plan_hash(plan_of(request(**change))) != plan_hash(plan_of(request()))


def test_a_plan_survives_the_database() -> None:
    plan = plan_of(request(notes="two\nlines"))
    stored = json.loads(json.dumps(plan_to_dict(plan)))
    assert plan_from_dict(stored) == plan
    assert plan_hash(plan_from_dict(stored)) == plan_hash(plan)


def test_resources_and_cost_grow_with_the_event() -> None:
    small, large = plan_of(request(80)), plan_of(request(900))
    assert large.resources.cpu_millicores > small.resources.cpu_millicores
    assert large.resources.memory_mebibytes % 256 == 0
    assert large.cost_krw > small.cost_krw > 0
    assert all(item.krw % 100 == 0 for item in large.cost)


def test_the_plan_names_everything_that_is_made() -> None:
    plan = plan_of(request())
    assert plan.namespace == "event-seoul-spring-summit-82f3e9"
    assert plan.schema == "event_seoul_spring_summit_82f3e9"
    assert plan.api_url == "http://platform.example/platform/events/seoul_spring_summit_82f3e9"
    assert plan.monitoring.metrics_url == f"{plan.api_url}/metrics"
    assert plan.monitoring.target == "platform.example"
    assert [alert.name for alert in plan.monitoring.alerts] == [
        "EventApiDown",
        "EventEntriesSurge",
        "EventNearCapacity",
    ]
    assert [milestone.what for milestone in plan.timeline] == [
        "resources_from",
        "gates_open",
        "starts",
        "ends",
        "resources_until",
    ]
    assert plan.timeline[2].at.isoformat() == "2030-05-01T09:00:00+09:00"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_markdown_shows_what_an_approver_needs(language: str) -> None:
    plan = plan_of(request())
    markdown = render_markdown(plan, language=language)
    for part in (
        "250",
        "101–499",
        plan.namespace,
        plan.schema,
        plan.api_url,
        plan.monitoring.metrics_url,
        f"₩{plan.cost_krw:,}",
        "EventApiDown",
        plan_hash(plan)[:12],
    ):
        assert part in markdown


def test_every_table_of_the_markdown_is_a_table() -> None:
    html = MarkdownIt("commonmark").enable("table").render(render_markdown(plan_of(request(notes="a\nb"))))
    assert html.count("<table>") == 5
    assert "|" not in html


SIGNS = ("`", "|", "# ", "- ", "1. ", "> ", "**", "_", "~~", "\\", "a@b.co", "http://e.x/p", "&lt;", "$$", "---")
NASTY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60),
    st.lists(
        st.sampled_from(
            ("<script>alert(1)</script>", "[x](http://evil.example)", "![](http://e.x/p)", "www.evil.com", *SIGNS)
        ),
        min_size=1,
        max_size=6,
    ).map(" ".join),
)


@settings(max_examples=300, deadline=None)
@given(text=NASTY)
def test_nobody_can_draw_into_the_markdown(text: str) -> None:
    """A real parser finds the same structure, whatever the customer wrote."""
    plain = plan_of(request(notes="note"))
    hostile = replace(
        plain,
        customer=replace(plain.customer, name=text),
        event=replace(plain.event, name=text, venue=text, notes=text),
        template_reason=f'matched "{text}"',
        access_policy=plain.access_policy | {"entry_method": text},
    )
    parser = MarkdownIt("commonmark").enable("table").enable("strikethrough")
    assert structure(parser, render_markdown(hostile)) == structure(parser, render_markdown(plain))


def structure(parser: MarkdownIt, markdown: str) -> list[str]:
    """Return the kinds of everything that is drawn, without the text."""
    kinds: list[str] = []
    for token in parser.parse(markdown):
        kinds.append(token.type)
        kinds += [
            child.type for child in token.children or [] if child.type not in {"text", "text_special", "softbreak"}
        ]
    return kinds


def test_links_do_not_come_to_life() -> None:
    markdown = render_markdown(plan_of(request(name="see www.evil.com or http://evil.example or a@b.co")))
    heading = markdown.splitlines()[0]
    assert "www.evil" not in heading
    assert "http://" not in heading
    assert "a@b" not in heading


@pytest.mark.parametrize(
    "change",
    [
        {"prices_krw": {}},
        {"surprise": 1},
        {"reservation": {"hours_before": -1, "hours_after": 1}},
        {"default_template": None},
    ],
)
def test_a_broken_catalogue_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    source = Path(__file__).parents[3] / "config" / "event_templates.yaml"
    document = yaml.safe_load(source.read_text(encoding="utf-8")) | change
    broken = tmp_path / "event_templates.yaml"
    broken.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(InvalidCatalogue, match=r"event_templates\.yaml"):
        load_catalogue(broken)
