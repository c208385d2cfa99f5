"""What the search adds to the shell of every page of the admin (settings.UNFOLD)."""

from django.http import HttpRequest
from django.templatetags.static import static


def stylesheet(request: HttpRequest) -> str:
    return static("search/palette.css")


def script(request: HttpRequest) -> str:
    return static("search/palette.js")
