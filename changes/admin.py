"""The pages of the log that belong to no model."""

from accounts.site import add_pages
from changes.undo.urls import undo_pages

add_pages(undo_pages)
