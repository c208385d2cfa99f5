"""`make sbom`: the bill of materials of the product, from requirements/run.txt (CycloneDX, JSON).

    python -m tests.sbom TOOL FILE

TOOL is cyclonedx-py. It knows the packages and their hashes; added here are the product's version
and who needs what, from the comments of the lock file. The same lock file gives the same bytes.
Standard library only: the product's environment does not take part."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

LOCK = Path("requirements/run.txt")
VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)
PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==")
NEEDED_BY = re.compile(r"^    #   (?:via )?([A-Za-z0-9._-]+)|^    # via ([A-Za-z0-9._-]+)")
PRODUCT = "ipmanager"


def main(tool: str, target: Path) -> None:
    command = [tool, "requirements", "--pyproject", "pyproject.toml"]
    options = ["--output-reproducible", "--output-format", "JSON", "--output-file", "-"]
    made = subprocess.run([*command, *options, LOCK], capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(f"{tool}: {made.stderr.strip()}")
    version = VERSION.search(Path("ipmanager/__init__.py").read_text(encoding="utf-8"))
    assert version
    bill = completed(json.loads(made.stdout), version[1], LOCK.read_text(encoding="utf-8"))
    target.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{target}: {PRODUCT} {version[1]} and {len(bill['components'])} packages")


def completed(bill: dict, version: str, lock: str) -> dict:
    """The tool's bill with the product's version and the graph of dependencies."""
    root = bill["metadata"]["component"]
    root["version"] = version
    references = {normal(part["name"]): part["bom-ref"] for part in bill["components"]}
    references[PRODUCT] = root["bom-ref"]
    graph = needs(lock)
    bill["dependencies"] = [
        {"ref": reference, "dependsOn": sorted(references[name] for name in graph[owner])}
        for owner, reference in sorted(references.items(), key=lambda pair: pair[1])
    ]
    return bill


def needs(lock: str) -> dict[str, set[str]]:
    """What each package of the lock file needs, by the comments that uv writes below each one."""
    graph: dict[str, set[str]] = defaultdict(set)
    package = ""
    for line in lock.splitlines():
        if found := PACKAGE.match(line):
            package = normal(found[1])
        elif found := NEEDED_BY.match(line):
            graph[normal(found[1] or found[2])].add(package)
    return graph


def normal(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
