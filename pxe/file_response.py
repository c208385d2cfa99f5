"""Serve a boot file, whole or in part, with at most one chunk of it in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO
from urllib.parse import quote

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from pxe import files
from pxe.files import CHUNK, Window
from pxe.models import BootFile

BYTES = "application/octet-stream"


def answer(request: HttpRequest, file: BootFile) -> HttpResponseBase:
    """The response with one of our files. With IPMANAGER_BOOT_ACCEL, nginx sends it.

    Raises NotFound."""
    if settings.BOOT_ACCEL:
        with files.open_file(file.name):
            location = quote(settings.BOOT_ACCEL + file.name)
            return HttpResponse(content_type=BYTES, headers={"X-Accel-Redirect": location})
    return stream(request, files.open_file(file.name))


def stream(request: HttpRequest, content: IO[bytes]) -> HttpResponseBase:
    """The response with an open file, or with the part of it that the request asks for."""
    status = os.fstat(content.fileno())
    etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Content-Type": BYTES}
    try:
        part = files.requested_part(_range(request, etag), status.st_size)
    except ValueError:
        content.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{status.st_size}"})
    if part is None:
        headers["Content-Length"] = str(status.st_size)
        return _whole(request, content, headers)
    headers["Content-Range"] = f"bytes {part.first}-{part.last}/{status.st_size}"
    headers["Content-Length"] = str(part.size)
    return _partial(request, Window(content, part), headers)


def _whole(request: HttpRequest, content: IO[bytes], headers: dict[str, str]) -> HttpResponseBase:
    if request.method == "HEAD":
        content.close()
        return HttpResponse(headers=headers)
    return FileResponse(content, headers=headers)


def _partial(request: HttpRequest, window: Window, headers: dict[str, str]) -> HttpResponseBase:
    if request.method == "HEAD":
        window.close()
        return HttpResponse(status=206, headers=headers)
    response = StreamingHttpResponse(_chunks(window), status=206, headers=headers)
    response._resource_closers.append(window.close)  # type: ignore[attr-defined]
    return response


def _range(request: HttpRequest, etag: str) -> str:
    """The requested range; empty when the file has changed since the first part was fetched
    (If-Range, RFC 9110, 13.1.5)."""
    if request.headers.get("If-Range", etag) != etag:
        return ""
    return request.headers.get("Range", "")


def _chunks(window: Window) -> Iterator[bytes]:
    while chunk := window.read(CHUNK):
        yield chunk
