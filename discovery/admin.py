"""The screens of discovery; each part has its own."""

from discovery.conflicts import admin as conflicts  # noqa: F401
from discovery.inbox import admin as inbox  # noqa: F401
from discovery.probes import admin as probes  # noqa: F401
from discovery.rogue import admin as rogue  # noqa: F401
