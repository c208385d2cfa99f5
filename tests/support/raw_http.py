"""HTTP by the byte: requests that no library would send, and a browser that logs in from any
loopback address."""

import re
import socket
import ssl
from dataclasses import dataclass, field
from http.client import HTTPResponse
from urllib.parse import urlencode

TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE

# Each is one request, or none; whoever sees a second one in it can be made to answer somebody else.
_MARK = "GET /marked HTTP/1.1\r\nHost: {host}\r\n\r\n"
_CHUNKED = "0\r\n\r\n" + _MARK  # whoever goes by chunks ends before the mark
_HIDDEN = "{hidden}\r\n" + _MARK + "\r\n0\r\n\r\n"  # whoever does not, ends before the chunk
_POST = "POST /admin/login/ HTTP/1.1\r\nHost: {host}\r\n"

CSRF_COOKIE = "__Host-csrftoken"  # by TLS


def _with(headers: str, body: str = _CHUNKED) -> str:
    return _POST + headers + "\r\n" + body


AMBIGUOUS = {
    "length and chunked": _with("Content-Length: {whole}\r\nTransfer-Encoding: chunked\r\n"),
    "chunked and length": _with("Transfer-Encoding: chunked\r\nContent-Length: {whole}\r\n"),
    "short length and chunked": _with("Content-Length: {whole}\r\nTransfer-Encoding: chunked\r\n"),
    "two lengths": _with("Content-Length: 0\r\nContent-Length: {whole}\r\n"),
    "a list of lengths": _with("Content-Length: 0, {whole}\r\n"),
    "a signed length": _with("Content-Length: +5\r\n"),
    "a negative length": _with("Content-Length: -5\r\n"),
    "a hexadecimal length": _with("Content-Length: 0x5\r\n"),
    "a length with underscores": _with("Content-Length: 1_0\r\n"),
    "a length with blanks": _with("Content-Length: 5 5\r\n"),
    "unknown coding": _with("Transfer-Encoding: xchunked\r\n", _HIDDEN),
    "two codings": _with("Transfer-Encoding: identity, chunked\r\n", _HIDDEN),
    "two coding headers": _with(
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", _HIDDEN
    ),
    "two coding headers and length": _with(
        "Content-Length: {whole}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n"
    ),
    "chunked twice": _with("Transfer-Encoding: chunked, chunked\r\n", _HIDDEN),
    "a tab before the coding": _with("Content-Length: {whole}\r\nTransfer-Encoding:\tchunked\r\n"),
    "a vertical tab before the coding": _with(
        "Content-Length: {whole}\r\nTransfer-Encoding: \x0bchunked\r\n"
    ),
    "a blank before the colon": _with("Content-Length: {whole}\r\nTransfer-Encoding : chunked\r\n"),
    "a blank before the header": _with(
        "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: {whole}\r\n"
    ),
    "a folded coding": _with("Content-Length: {whole}\r\nTransfer-Encoding:\r\n chunked\r\n"),
    "a quoted coding": _with('Content-Length: {whole}\r\nTransfer-Encoding: "chunked"\r\n'),
    "an underscore for the hyphen": _with(
        "Content-Length: {whole}\r\nTransfer_Encoding: chunked\r\n"
    ),
    "a NUL in the header": _with("Content-Length: {whole}\r\nTransfer-Encoding\x00: chunked\r\n"),
    "a carriage return alone": _with(
        "X: y\rTransfer-Encoding: chunked\r\nContent-Length: {whole}\r\n"
    ),
    "a line feed alone": _with("X: y\nTransfer-Encoding: chunked\r\nContent-Length: {whole}\r\n"),
    "a header without a colon": _with("Transfer-Encoding chunked\r\nContent-Length: {whole}\r\n"),
    "chunks in HTTP/1.0": _with("Transfer-Encoding: chunked\r\n").replace(
        "HTTP/1.1", "HTTP/1.0", 1
    ),
    "a chunk size with a sign": _with(
        "Transfer-Encoding: chunked\r\n", "+5\r\nhello\r\n" + _CHUNKED
    ),
    "a chunk size with 0x": _with("Transfer-Encoding: chunked\r\n", "0x5\r\nhello\r\n" + _CHUNKED),
    "a chunk size with underscores": _with(
        "Transfer-Encoding: chunked\r\n", "0_5\r\nhello\r\n" + _CHUNKED
    ),
    "a huge chunk size": _with(
        "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nhello\r\n" + _CHUNKED
    ),
    "a chunk without an end": _with("Transfer-Encoding: chunked\r\n", "5\r\nhelloXX" + _CHUNKED),
    "a chunk extension with a line feed": _with(
        "Transfer-Encoding: chunked\r\n", "5;a\nx\r\nhello\r\n" + _CHUNKED
    ),
    "two hosts": "GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.test\r\n\r\n",
    "a version that is none": _with("Content-Length: 5\r\n").replace("HTTP/1.1", "HTTP/1.1x", 1),
    "a line feed in the path": "GET /%0d%0aX HTTP/1.1\r\n{host}\n\n" + _MARK,
}


def ambiguous(name: str, host: str) -> bytes:
    marked = len(_MARK.format(host=host))
    return (
        AMBIGUOUS[name].format(host=host, whole=marked + 5, hidden=f"{marked:x}").encode("latin-1")
    )


def connect(
    port: int, *, source: str = "127.0.0.1", tls: bool = False, name: str = "", seconds: float = 30
):
    """A connection to this port of 127.0.0.1, in whatever network this thread is."""
    plain = socket.create_connection(("127.0.0.1", port), seconds, (source, 0))
    return TRUSTING.wrap_socket(plain, server_hostname=name or None) if tls else plain


def converse(connection: socket.socket, data: bytes, patience: float = 1.0) -> bytes:
    """Send this, and read until the other side closes or has nothing to add."""
    connection.sendall(data)
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
            connection.settimeout(patience)
    except (TimeoutError, ConnectionResetError, ssl.SSLError):
        pass
    return found


def answers(data: bytes) -> list[int]:
    """The status of each response in there."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", data)]


@dataclass
class Browser:
    """Cookies, one address, one site behind TLS."""

    name: str
    source: str = "127.0.0.1"
    port: int = 443
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str, str]:
        """Status, body, and where it leads to."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = {"Host": self.name, "Connection": "close", "Referer": f"https://{self.name}/"}
        lines["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            lines |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Content-Length": str(len(body)),
            }
        head = "".join(f"{name}: {value}\r\n" for name, value in (lines | given).items())
        with connect(
            self.port, source=self.source, tls=True, name=self.name, seconds=60
        ) as connection:
            connection.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
            response = HTTPResponse(connection)
            response.begin()
            for cookie in response.headers.get_all("Set-Cookie", []):
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return response.status, response.read().decode(), response.headers.get("Location", "")

    def log_in(self, user: str, password: str, **headers: str) -> tuple[int, str]:
        """The status of the login, and where it leads to."""
        if CSRF_COOKIE not in self.cookies:
            self.ask("GET", "/admin/login/")
        form = {
            "username": user,
            "password": password,
            "csrfmiddlewaretoken": self.cookies[CSRF_COOKIE],
        }
        status, _, location = self.ask(
            "POST", "/admin/login/", urlencode(form | {"next": "/admin/"}), **headers
        )
        return status, location
