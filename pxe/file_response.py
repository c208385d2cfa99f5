"""Hand out a boot file: whole, in part, or by its head; never more than a chunk of it in memory."""

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
    """The response for one of our files. Raises NotFound. With IPMANAGER_BOOT_ACCEL, nginx does the
    work."""
    if settings.BOOT_ACCEL:
        with files.open_file(file.name):
            place = quote(settings.BOOT_ACCEL + file.name)
            return HttpResponse(content_type=BYTES, headers={"X-Accel-Redirect": place})
    return stream(request, files.open_file(file.name))


def stream(request: HttpRequest, content: IO[bytes]) -> HttpResponseBase:
    """An open file, as much of it as is asked for."""
    status = os.fstat(content.fileno())
    mark = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {"Accept-Ranges": "bytes", "ETag": mark, "Content-Type": BYTES}
    try:
        part = files.wanted_part(_range(request, mark), status.st_size)
    except ValueError:
        content.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{status.st_size}"})
    if part:
        headers |= {"Content-Range": f"bytes {part.first}-{part.last}/{status.st_size}"}
    headers["Content-Length"] = str(part.size if part else status.st_size)
    if request.method == "HEAD":
        content.close()
        return HttpResponse(status=206 if part else 200, headers=headers)
    if part:
        window = Window(content, part)
        response: HttpResponseBase = StreamingHttpResponse(
            _chunks(window), status=206, headers=headers
        )
        response._resource_closers.append(window.close)  # type: ignore[attr-defined]
        return response
    return FileResponse(content, headers=headers)


def _range(request: HttpRequest, mark: str) -> str:
    """The wanted range; all of it when the file has changed since the first part was fetched
    (If-Range)."""
    same = request.headers.get("If-Range", mark) == mark
    return request.headers.get("Range", "") if same else ""


def _chunks(window: Window) -> Iterator[bytes]:
    while chunk := window.read(CHUNK):
        yield chunk
