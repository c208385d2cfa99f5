"""RUST_LOG, which the program `ippool` obeyed: a level, or levels by module."""

# By the names of env_logger; Python has no trace.
LEVELS = {
    "off": "CRITICAL",
    "error": "ERROR",
    "warn": "WARNING",
    "info": "INFO",
    "debug": "DEBUG",
    "trace": "DEBUG",
}
TARGETS = ("", "ippool", "tower_http")


def parse(text: str) -> str:
    """The level for `logging`, as in "debug" or "ippool=debug,tower_http=info": the most verbose
    one that is meant for us. INFO where nothing is."""
    order = list(LEVELS)
    found = -1
    for directive in text.lower().split(","):
        target, _equals, word = directive.strip().rpartition("=")
        if target.partition("::")[0] in TARGETS and word in LEVELS:
            found = max(found, order.index(word))
    if found < 0:
        return "INFO"
    return LEVELS[order[found]]
