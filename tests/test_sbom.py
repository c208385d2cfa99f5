"""The bill of materials names what is installed; the same lock gives the same bytes."""

import json
import re
from pathlib import Path

from tests import sbom

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / sbom.LOCK).read_text()


def bill():
    """What the tool says of the lock file, as far as it matters here."""
    names = re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==(\S+)", LOCK, re.MULTILINE)
    parts = [{"name": name, "bom-ref": f"L{n}"} for n, (name, _version) in enumerate(names)]
    root = {"name": "ipmanager", "bom-ref": "root"}
    return {"metadata": {"component": root}, "components": parts}


def graph_of(done):
    names = {part["bom-ref"]: part["name"] for part in done["components"]} | {"root": "ipmanager"}
    return {
        names[row["ref"]]: {names[ref] for ref in row["dependsOn"]} for row in done["dependencies"]
    }


def test_every_package_is_in_the_graph_and_reached_from_the_product():
    graph = graph_of(sbom.completed(bill(), "1.2.3", LOCK))
    assert {"asgiref", "sqlparse"} <= graph["django"]
    reached, left = set(), ["ipmanager"]
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += graph[name]
    assert reached == set(graph)


def test_what_pyproject_asks_for_is_what_the_product_needs():
    graph = graph_of(sbom.completed(bill(), "1.2.3", LOCK))
    text = (ROOT / "pyproject.toml").read_text()
    asked = text.split("dependencies = [")[1].split("]\n")[0]
    names = {
        sbom.normal(name) for name in re.findall(r'^    "([A-Za-z0-9._-]+)', asked, re.MULTILINE)
    }
    assert graph["ipmanager"] == names


def test_it_has_the_version_and_the_same_bytes_twice():
    first, second = (sbom.completed(bill(), "1.2.3", LOCK) for _ in range(2))
    assert first["metadata"]["component"]["version"] == "1.2.3"
    assert json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def test_the_tool_is_no_part_of_the_product():
    for name in ("run", "test", "lint"):
        assert "cyclonedx" not in (ROOT / f"requirements/{name}.txt").read_text()
    assert "cyclonedx-bom==" in (ROOT / "requirements/sbom.txt").read_text()
