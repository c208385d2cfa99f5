"""The pages of the search in the admin."""

from accounts.site import add_pages
from search.urls import pages

add_pages(pages)
