"""The admin's pages about the access of people."""

from accounts.admin import brakes  # noqa: F401  (registers itself)
