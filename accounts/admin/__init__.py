"""The admin's pages about the access of people and programs."""

from accounts.admin import brakes, sessions, tokens, users  # noqa: F401  (they register themselves)
