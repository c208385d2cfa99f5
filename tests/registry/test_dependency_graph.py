"""registry.discovery.dependency_graph: who needs whom, drawn; in words, too, and safe whatever the
names are."""

import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from registry.discovery import dependency_graph, dependency_svg
from tests.registry.services import service

SVG = "{http://www.w3.org/2000/svg}"


def services(**needs):
    return [service(own, dependencies=tuple(others)) for own, others in needs.items()]


def drawn(records, links=None):
    return ElementTree.fromstring(
        dependency_svg.svg(dependency_graph.lay_out(records), links or {}, "Services")
    )


def columns(records):
    return {own: box.column for own, box in dependency_graph.lay_out(records).boxes.items()}


def words(root):
    return [box.get("aria-label") for box in root if box.get("aria-label")]


def test_whoever_needs_somebody_stands_left_of_them():
    found = columns(services(shop=["billing", "db"], billing=["db"], db=[], alone=[]))
    assert found == {"shop": 0, "billing": 1, "db": 2, "alone": 2}


def test_each_need_is_an_arrow():
    root = drawn(services(shop=["billing", "db"], billing=["db"], db=[]))
    assert len([path for path in root.findall(f"{SVG}path") if path.get("marker-end")]) == 3


def test_an_arrow_over_several_columns_runs_behind_no_service():
    found = dependency_graph.lay_out(
        services(shop=["billing", "db"], billing=["db"], db=[], report=["billing"])
    )
    bends = {(box.column, box.row) for box in found.bends}
    assert bends and not bends & {(box.column, box.row) for box in found.boxes.values()}


def test_every_box_tells_in_words_what_it_shows():
    root = drawn(
        [
            service("shop", dependencies=("db", "ghost"), status="inactive"),
            service("db", "fd00::7", 5000),
        ]
    )
    assert words(root) == [
        "db: active; [fd00::7]:5000/tcp",
        "ghost: not registered",
        "shop: inactive; 10.0.0.5:8000/tcp; needs db, ghost",
    ]
    assert [
        text.text.split()[:2]
        for text in root.iter(f"{SVG}text")
        if text.get("class") == "svc-state"
    ] == [["●", "active"], ["○", "not"], ["▲", "inactive"]]


def test_a_circle_is_drawn_and_said():
    root = drawn(services(a=["b"], b=["a"]))
    assert all("lead in a circle" in said for said in words(root))
    assert all("svc-round" in path.get("class") for path in root.findall(f"{SVG}path"))


def test_no_two_boxes_share_a_place_and_all_are_inside():
    records = services(**{f"s{n}": [f"s{n // 2}"] for n in range(1, 60)})
    found = dependency_graph.lay_out(records)
    places = {(box.x, box.y) for box in found.boxes.values()}
    assert len(places) == len(found.boxes)
    assert all(
        x + dependency_graph.WIDTH <= found.width and y + dependency_graph.HEIGHT <= found.height
        for x, y in places
    )


def test_around_a_service_are_those_that_it_needs_and_those_that_need_it():
    records = services(
        shop=["billing", "report"], billing=["db", "ghost"], db=[], report=["db"], other=[]
    )
    found = {
        record.service_id: record.dependencies
        for record in dependency_graph.around(records, "billing")
    }
    assert found == {"shop": ("billing",), "billing": ("db", "ghost"), "db": ()}
    assert {record.service_id for record in dependency_graph.related(records)} == {
        "shop",
        "billing",
        "db",
        "report",
    }


def test_a_service_leads_to_its_page():
    root = drawn(services(db=[]), {"db": "/admin/registry/service/7/change/"})
    assert root.find(f"{SVG}a").get("href") == "/admin/registry/service/7/change/"


def test_nothing_is_a_picture_too():
    assert drawn([]).get("viewBox")


names = st.text(min_size=1, max_size=40).filter(
    lambda text: all(sign.isprintable() for sign in text)
)


@given(st.dictionaries(names, st.lists(names, max_size=3), max_size=6))
def test_no_name_breaks_the_picture(needs):
    root = drawn(services(**needs))
    assert len(words(root)) == len(
        {*needs, *(other for others in needs.values() for other in others)}
    )
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "defs", "marker", "path", "g", "rect", "text"}


@given(st.permutations(services(shop=["billing", "db"], billing=["db"], db=[], mail=["db"])))
def test_the_order_of_the_records_changes_nothing(records):
    assert dependency_svg.svg(dependency_graph.lay_out(records), {}, "x") == dependency_svg.svg(
        dependency_graph.lay_out(sorted(records, key=lambda record: record.service_id)), {}, "x"
    )
