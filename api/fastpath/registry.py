"""The registry of the fast path's routes.

An app registers a function that imports and returns its routes, so that only a web server loads
them: a worker needs neither the routes nor REST framework."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.fastpath.route import FastRoute

_providers: list[Callable[[], Iterable[FastRoute]]] = []


def register(provider: Callable[[], Iterable[FastRoute]]) -> None:
    """Add the routes that the function returns. Call it in `AppConfig.ready`."""
    _providers.append(provider)


@cache
def routes() -> dict[str, list[FastRoute]]:
    """All routes by their method, in the order of registration."""
    found: dict[str, list[FastRoute]] = defaultdict(list)
    for provider in _providers:
        for route in provider():
            found[route.method].append(route)
    return dict(found)


def find(method: str | None, path: str) -> tuple[FastRoute, dict[str, str]] | None:
    """The route of this method and path with the values captured from the path, or None."""
    for route in routes().get(str(method), ()):
        if match := route.pattern.fullmatch(path):
            return route, match.groupdict()
    return None
