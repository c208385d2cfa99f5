"""One queue of test files over both databases, for pytest-xdist.

A worker serves one database, named by IPMANAGER_TEST_VENDOR in its environment. It takes the
dearest file that waits for its database, so that no worker begins a long one at the end. A file
stays together, and so do files that share a fixture of their package: what is made once serves all
of their tests."""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path

import pytest
from xdist.workermanage import WorkerController, parse_tx_spec_config

VENDOR = "IPMANAGER_TEST_VENDOR"
COSTS = Path(__file__).parents[1] / "recorded/costs.json"
# They use one installation of deploy/, one site of client/.
TOGETHER = re.compile(r"tests/(client|deploy)/test_(?!container|fresh_debian|manual)")
DEAR = 5  # seconds
USUAL_COST = 0.05  # seconds of a test whose file is not among the recorded ones


def vendor_of(node: WorkerController) -> str:
    return str(node.gateway.spec.env[VENDOR])


def bundle_of(file: str) -> str:
    """The file, or the folder whose files stay together."""
    return file.rpartition("/")[0] if TOGETHER.match(file) else file


def known_costs() -> dict[str, dict[str, float]]:
    """Seconds of the dear files, by database."""
    return dict(json.loads(COSTS.read_text())) if COSTS.exists() else {}


def write_costs(seconds: dict[str, float]) -> None:
    """Keep what the files of a run have cost: `{"tests/x.py::test_y on sqlite": seconds}`."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for test, taken in seconds.items():
        name, _, vendor = test.rpartition(" on ")
        found[vendor][name.partition("::")[0]] += taken
    known = known_costs()
    for vendor, files in found.items():
        others = known.get(vendor, {})
        known[vendor] = {file: others[file] for file in others if file not in files}
        known[vendor] |= {file: round(taken) for file, taken in files.items() if taken > DEAR}
    COSTS.write_text(json.dumps(known, indent=0, sort_keys=True) + "\n")


class OneQueue:
    """What pytest-xdist calls a scheduler (xdist.scheduler.protocol)."""

    def __init__(self, config: pytest.Config) -> None:
        self.expected = len(parse_tx_spec_config(config))
        self.costs = known_costs()
        self.collections: dict[WorkerController, list[str]] = {}
        self.assigned: dict[WorkerController, list[int]] = {}
        self.waiting: dict[str, deque[list[int]]] = {}

    @property
    def nodes(self) -> list[WorkerController]:
        return list(self.assigned)

    @property
    def collection_is_completed(self) -> bool:
        return len(self.collections) >= self.expected

    @property
    def tests_finished(self) -> bool:
        if not self.collection_is_completed or any(self.waiting.values()):
            return False
        return all(len(assigned) < 2 for assigned in self.assigned.values())

    @property
    def has_pending(self) -> bool:
        return any(self.waiting.values()) or any(self.assigned.values())

    def add_node(self, node: WorkerController) -> None:
        self.assigned[node] = []

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        self.collections[node] = list(collection)

    def schedule(self) -> None:
        """Begin when all workers have collected; a worker that replaces another joins later."""
        for node, collection in self.collections.items():
            known = self.collections[self._first_of(vendor_of(node))]
            if collection != known:
                different = sorted({*collection} ^ {*known})
                raise RuntimeError(f"workers of one database collected differently: {different}")
            if vendor_of(node) not in self.waiting:
                self.waiting[vendor_of(node)] = self._files(vendor_of(node), collection)
        for node in self.nodes:
            self._refill(node)

    def mark_test_complete(
        self, node: WorkerController, item_index: int, duration: float = 0
    ) -> None:
        self.assigned[node].remove(item_index)
        self._refill(node)

    def mark_test_pending(self, item: str) -> None:
        raise NotImplementedError("no plugin of ours asks for a test to be run again")

    def remove_pending_tests_from_node(
        self, node: WorkerController, indices: Sequence[int]
    ) -> None:
        raise NotImplementedError("tests are not stolen from workers")

    def remove_node(self, node: WorkerController) -> str | None:
        """Forget a worker that has ended; the test in which it died, if it died."""
        assigned = self.assigned.pop(node)
        if not assigned:
            return None
        died_in, *rest = assigned
        if rest:
            self.waiting[vendor_of(node)].appendleft(rest)
        return self.collections[node][died_in]

    def _first_of(self, vendor: str) -> WorkerController:
        return next(node for node in self.collections if vendor_of(node) == vendor)

    def _files(self, vendor: str, collection: list[str]) -> deque[list[int]]:
        known = self.costs.get(vendor, {})
        files = defaultdict(list)
        for index, nodeid in enumerate(collection):
            files[nodeid.split("::")[0]].append(index)
        bundles: dict[str, list[int]] = defaultdict(list)
        costs: dict[str, float] = defaultdict(float)
        for file, tests in files.items():
            bundle = bundle_of(file)
            bundles[bundle] += tests
            costs[bundle] += known.get(file, USUAL_COST * len(tests))
        return deque(bundles[name] for name in sorted(bundles, key=lambda name: -costs[name]))

    def _refill(self, node: WorkerController) -> None:
        """Give a worker its next file. It runs a test when it knows the one after it, so it must
        hold two, or be told that nothing follows."""
        waiting = self.waiting.get(vendor_of(node))
        while not node.shutting_down and len(self.assigned[node]) < 2:
            if not waiting:
                node.shutdown()
                return
            file = waiting.popleft()
            self.assigned[node].extend(file)
            node.send_runtest_some(file)
