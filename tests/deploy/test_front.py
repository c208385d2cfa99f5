"""nginx and the web server behind it, from outside: no second answer, no borrowed address, no
waiting for the slow.

IPMANAGER_TEST_PROOF=1 (`make proof`) sends a thousand wrong passwords instead of twenty, and wants
a login in a second."""

import json
import os
import select
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.deploy.conftest import BOOT, CANARIES, NAME
from tests.support.raw_http import AMBIGUOUS, Browser, ambiguous, answers, connect, converse

PROOF = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
WRONG = 1000 if PROOF else 20
SLOW = 500 if PROOF else 100
CANARY = "canary4f1c9b7e5d2a86039e7c"
ASKED = "canary-in-an-address-3c2b1a09"  # who asks sees it again; nobody else


@pytest.fixture
def front(started):
    """This thread is in the network of the installed system."""
    with started.debian.inside():
        yield started


@pytest.mark.parametrize(
    ("port", "tls"), [(443, True), (80, False), (8000, False)], ids=["tls", "plain", "behind"]
)
def test_no_request_gets_a_second_answer(front, port, tls):
    for name in AMBIGUOUS:
        with connect(port, tls=tls, name=NAME) as connection:
            said = converse(connection, ambiguous(name, NAME), patience=0.1)
        # Behind nginx an answer may be followed by a complaint about the rest of the same request.
        assert answers(said)[1:] in ([], [400][: port == 8000]), f"{name}: {said!r}"
        assert b"/marked\r\n" not in said  # as the place that a redirect leads to


def test_a_good_request_after_bad_ones_gets_its_own_answer(front):
    for name in AMBIGUOUS:
        with connect(443, tls=True, name=NAME) as connection:
            connection.sendall(ambiguous(name, NAME))
        assert Browser(NAME).ask("GET", "/healthz")[0] == 200


def test_a_kernel_comes_in_by_the_api(front):
    """Larger than any other request may be."""
    file = json.loads(front.api("boot-files/", '{"name": "vmlinuz", "url": ""}'))
    front.debian.run("truncate", "--size=13M", "/tmp/vmlinuz")
    bearer, kind = f"Authorization: Bearer {front.token}", "Content-Type: application/octet-stream"
    put = ("--request", "PUT", "--data-binary", "@/tmp/vmlinuz")
    sent = front.curl(f"/api/v1/boot-files/{file['id']}/content/", *put, "-H", bearer, "-H", kind)
    assert json.loads(sent)["size"] == 13 << 20


LARGE = 300 << 20
UPLOADS = {
    "content": "/api/v1/boot-files/1/content/",
    "admin": "/admin/pxe/bootfile/add/",
    "bulk": "/api/v1/servers/bulk/",
    "a page": "/i18n/setlang/",
}


def upload(port, path, credentials="", framing=f"Content-Length: {LARGE}", method="PUT"):
    """The answer to an upload of 300 MB, and how many bytes of it were taken."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {NAME}\r\n{framing}\r\n{credentials}\r\n"
    with connect(port, tls=port == 443, name=NAME) as connection:
        connection.sendall(head.encode())
        connection.settimeout(30)
        sent, said = 0, b""
        try:
            while sent < LARGE:
                if select.select([connection], [], [], 0)[0]:
                    break
                sent += connection.send(b"x" * 65536)
        except OSError:
            pass
        try:
            while data := connection.recv(65536):
                said += data
        except OSError:
            pass
    return said, sent


def stored(front):
    """Bytes in nginx's and the web server's directories for bodies."""
    find = "find /var/lib/nginx/body /tmp /var/lib/ipmanager -type f -printf '%s\\n'"
    return sum(map(int, front.debian.run("sh", "-c", find).stdout.split()))


@pytest.mark.parametrize("path", UPLOADS.values(), ids=list(UPLOADS))
@pytest.mark.parametrize(
    "framing", [f"Content-Length: {LARGE}", "Transfer-Encoding: chunked\r\n\r\nfffffff"]
)
def test_nobody_knows_who_sends_300_MB_so_they_are_not_stored(front, path, framing):
    before = stored(front)
    said, _sent = upload(443, path, framing=framing, method="POST")
    assert answers(said)[:1] in ([401], [413]), said
    assert stored(front) - before < 1 << 20


def test_without_nginx_they_are_refused_unread(front):
    for path in UPLOADS.values():
        before = stored(front)
        proxied = f"X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.{len(path)}\r\n"
        said, sent = upload(8000, path, credentials=proxied, method="PUT")
        assert answers(said)[:1] in ([401], [403]), (path, said)
        assert stored(front) - before < 1 << 20
        assert sent < 32 << 20  # what the buffers of both ends of the connection hold


def test_a_token_without_the_right_to_boot_files_is_refused_by_its_head(front):
    made = front.debian.run("ipmanager-manage", "create_token", "reader", "--scope", "read")
    token = next(word for word in made.stdout.split() if word.startswith("ipm_"))
    before = stored(front)
    bearer = f"Authorization: Bearer {token}\r\n"
    said, _sent = upload(443, UPLOADS["content"], bearer)
    assert answers(said) == [403]
    assert stored(front) - before < 1 << 20


def slow_connections(stack, name, number):
    """From as many addresses: a head that does not end, a body that does not come, an answer that
    nobody reads."""
    kinds = [
        f"GET / HTTP/1.1\r\nHost: {name}\r\nX-Slow: ",
        f"POST /admin/login/ HTTP/1.1\r\nHost: {name}\r\nContent-Length: 60000\r\n\r\nusername=",
        f"GET /static/unfold/css/styles.css HTTP/1.1\r\nHost: {name}\r\n\r\n",
    ]
    for n in range(number):
        connection = stack.enter_context(
            connect(443, source=f"127.1.{n // 200}.{n % 200 + 1}", tls=True, name=name)
        )
        connection.sendall(kinds[n % len(kinds)].encode())


def test_slow_clients_keep_nobody_from_logging_in(front):
    with ExitStack() as stack:
        slow_connections(stack, NAME, SLOW)
        started = time.monotonic()
        status = Browser(NAME, "127.2.0.1").log_in("admin", front.password)
        took = time.monotonic() - started
    assert status == (302, "/admin/")
    assert not PROOF or took < 1, took


def test_guessing_is_slowed_down_and_hinders_nobody_else(front):
    guesser = Browser(NAME, "127.3.0.1")
    told = Counter()
    for n in range(WRONG):
        forged = {
            "X_Forwarded_For": f"10.9.{n % 256}.{n // 256}",
            "Forwarded": f"for=10.9.{n % 256}.1",
        }
        told[guesser.log_in("admin", f"{CANARY}-{n}", **forged)[0]] += 1
    assert told[200] <= 10 and told[200] + told[429] == WRONG, told
    assert guesser.log_in("admin", front.password)[0] == 429
    started = time.monotonic()
    assert Browser(NAME, "127.3.0.2").log_in("admin", front.password) == (302, "/admin/")
    took = time.monotonic() - started
    assert not PROOF or took < 1, took
    addresses = front.python(
        "from axes.models import AccessAttempt as A; print({a.ip_address for a in A.objects.all()})"
    )
    assert addresses == "{'127.3.0.1'}\n"


def test_a_forged_address_opens_nothing(front):
    made = front.debian.run(
        "ipmanager-manage", "create_token", "bound", "--scope", "read", "--network", "10.9.9.0/24"
    )
    token = next(word for word in made.stdout.split() if word.startswith("ipm_"))
    for header in (
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "X-Client-IP",
        "X_Forwarded_For",
        "X-Forwarded-For ",
    ):
        head = f"Authorization: Bearer {token}\r\n{header}: 10.9.9.9\r\nConnection: close\r\n"
        with connect(443, tls=True, name=NAME) as connection:
            said = converse(
                connection, f"GET /api/v1/subnets/ HTTP/1.1\r\nHost: {NAME}\r\n{head}\r\n".encode()
            )
        assert answers(said)[0] in (400, 401, 403), (header, said)


@pytest.mark.parametrize("port", [80, 443])
@pytest.mark.parametrize(
    "request_",
    [
        "GET / HTTP/1.1\r\nHost: evil.test",
        "GET / HTTP/1.0",
        f"GET http://evil.test/ HTTP/1.1\r\nHost: {NAME}",
        f"GET / HTTP/1.1\r\nHost: {NAME}.evil.test",
        f"GET / HTTP/1.1\r\nHost: evil.test#{NAME}",
    ],
)
def test_a_host_that_is_not_ours_gets_no_page(front, port, request_):
    with connect(port, tls=port == 443, name=NAME) as connection:
        said = converse(connection, f"{request_}\r\nX-Forwarded-Host: {NAME}\r\n\r\n".encode())
    assert answers(said) in ([], [400]), said


def test_no_forwarded_host_or_scheme_reaches_an_answer(front):
    status, body, location = Browser(NAME).ask(
        "GET", "/ipam/", X_Forwarded_Host="evil.test", X_Forwarded_Proto="http"
    )
    assert (status, "evil.test" in body + location) == (302, False)


def test_plain_http_serves_booting_machines_and_nobody_else(front):
    def ask(host, path, more=""):
        with connect(80) as connection:
            return converse(
                connection,
                f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n".encode(),
                30,
            )

    for host in (NAME, BOOT):
        assert b"#!ipxe" in ask(host, "/boot.ipxe?mac=02-00-00-00-00-77")
    assert answers(ask(NAME, "/boot/loaders/none")) == [404]
    for path in (
        "/",
        "/admin/",
        "/admin/login/",
        "/static/x",
        "/boot.ipxe/../admin/",
        "/metrics",
        "/healthz",
    ):
        said = ask(NAME, path, f"Authorization: Bearer {front.token}\r\n")
        assert answers(said) == [301] and f"Location: https://{NAME}/".encode() in said
    assert answers(ask(NAME, "/api/v1/subnets/", f"Authorization: Bearer {front.token}\r\n")) == [
        403
    ]
    assert answers(ask(NAME, "/boot-files/x")) == [404]


def test_boot_files_are_nginxs_to_send_and_only_those(front):
    content = os.urandom(3_000_000)
    front.debian.path("/var/lib/ipmanager/boot/kernel").write_bytes(content)
    front.python("from pxe.models import BootFile; BootFile.objects.get_or_create(name='kernel')")
    with connect(80) as connection:
        said = converse(
            connection,
            f"GET /boot/files/kernel HTTP/1.1\r\nHost: {BOOT}\r\nConnection: "
            f"close\r\n\r\n".encode(),
            30,
        )
    assert said.endswith(content) and b"X-Accel" not in said
    front.debian.path("/var/lib/ipmanager/boot/secret").symlink_to("/var/lib/ipmanager/secret_key")
    for path in (
        "/boot-files/kernel",
        "/boot/files/../../secret_key",
        "/boot/files/%2e%2e/secret_key",
        "/boot/files/secret",
    ):
        with connect(80) as connection:
            said = converse(
                connection,
                f"GET {path} HTTP/1.1\r\nHost: {BOOT}\r\nConnection: close\r\n\r\n".encode(),
            )
        assert answers(said)[0] in (301, 400, 403, 404), (path, said)


def test_too_much_is_refused_before_it_is_read(front):
    with connect(443, tls=True, name=NAME) as connection:
        head = (
            f"POST /api/v1/subnets/ HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 99999999999\r\n\r\n"
        )
        assert answers(converse(connection, head.encode())) == [413]
    with connect(443, tls=True, name=NAME) as connection:
        head = f"GET /{'a' * 9000} HTTP/1.1\r\nHost: {NAME}\r\n\r\n"
        assert answers(converse(connection, head.encode())) == [414]


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_tls_is_refused(front, version):
    done = front.debian.run(
        "openssl",
        "s_client",
        version,
        "-cipher",
        "ALL:@SECLEVEL=0",
        "-connect",
        "127.0.0.1:443",
        check=False,
    )
    assert done.returncode and "BEGIN SSL SESSION" not in done.stdout


def test_a_strict_policy_and_safe_cookies_everywhere_outside_the_admin(front):
    for path in ("/healthz", "/ipam/", "/api/docs/", "/no-such-page"):
        told = front.curl(path, "--head").lower()
        policy = next(
            line for line in told.splitlines() if line.startswith("content-security-policy")
        )
        assert "default-src 'self'" in policy and "unsafe" not in policy
        assert "strict-transport-security: max-age=31536000" in told
    cookies = [
        line
        for line in front.curl("/admin/login/", "--head").splitlines()
        if line.startswith("set-cookie")
    ]
    assert cookies and all("Secure" in line and "SameSite=Lax" in line for line in cookies)


def test_the_installed_configuration_passes_djangos_own_check(front):
    done = front.debian.run("ipmanager-manage", "check", "--deploy", "--fail-level", "WARNING")
    assert "no issues" in done.stdout + done.stderr


def secrets(front):
    """Everything that nobody may see: what the installation made, and what this test sends."""
    kept = front.debian.path("/var/lib/ipmanager/secret_key")
    key = front.debian.path("/etc/ipmanager/tls/key.pem").read_text().splitlines()[1]
    return [
        front.password,
        front.token,
        CANARY,
        *CANARIES.values(),
        key,
        *([kept.read_text().strip()] if kept.exists() else []),
    ]


def world_readable(front):
    """The text of every file that anybody may read, below the places where anything of ours is
    written."""
    find = (
        "find /etc /var/lib /var/log /var/cache /run /tmp /opt/ipmanager/current -xdev "
        "-type f -perm -o=r -size -20M"
    )
    anybody = front.debian.run(
        "sh", "-c", f"{find} -exec cat {{}} + 2>/dev/null", user="www-data", check=False, text=False
    )
    return anybody.stdout


def test_no_secret_shows_in_logs_pages_processes_or_readable_files(front):
    pages = send_secrets_everywhere(front)
    logs = front.log.read_bytes() + b"".join(
        path.read_bytes()
        for path in front.debian.path("/var/log/nginx").rglob("*")
        if path.is_file()
    )
    front.debian.run("ipmanager-manage", "check")
    processes = front.debian.run(
        "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
    ).stdout.encode()
    readable = world_readable(front)
    assert (
        b"ipam.test" in readable and b"ipmanager" in processes and b"/ipam/" in logs
    )  # we did look
    assert ASKED.encode() not in logs
    for secret in secrets(front):
        for place, text in {
            "pages": pages,
            "logs": logs,
            "processes": processes,
            "files": readable,
        }.items():
            assert secret.encode() not in text, f"{secret[:8]}... in {place}"


def send_secrets_everywhere(front) -> bytes:
    """In every place where callers send some, rightly and wrongly; what is answered."""
    browser = Browser(NAME, "127.4.0.1")
    told: list[str] = []
    for headers in (
        {"Authorization": f"Bearer {CANARY}"},
        {"Authorization": f"Basic {CANARY}"},
        {"Cookie2": CANARY},
        {"Idempotency_Key": CANARY},
        {"Authorization": f"Bearer {front.token}", "X_CSRFToken": CANARY},
    ):
        for path in (
            "/api/v1/subnets/",
            "/api/v1/subnets/999999/",
            "/api/v1/none/",
            f"/ipam/?token={ASKED}",
        ):
            told += [
                browser.ask("GET", path, **headers)[1],
                browser.ask("POST", path, "{}", **headers)[1],
            ]
    told += [browser.ask("GET", f"/boot/{place}/{ASKED}/")[1] for place in ("answers", "done")]
    browser.log_in("admin", CANARY)
    bearer = f"Bearer {front.token}"
    hashed = f"$6${CANARY[:16]}${CANARY}{'x' * (86 - len(CANARY))}"
    body = json.dumps({"name": "canary", "text": CANARY, "password_hash": hashed})
    status, page, _ = browser.ask(
        "POST", "/api/v1/boot-answers/", body, Authorization=bearer, Content_Type="application/json"
    )
    assert status == 201, page
    return "".join(told).encode()
