"""`client.Ledger` against a real site."""

import contextlib
import itertools
import socket
import threading
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from client import ApiError, Ledger, NotReached


def ip(subnet, last):
    return subnet.network.replace("0/24", str(last))


def test_an_address_is_taken_found_and_given_back(ledger, subnet):
    assert ledger.next_free(subnet) == ip(subnet, 1)
    taken = ledger.allocate(subnet.network, vm_id=subnet.name, hostname="web")
    assert (taken.ip_address, taken.status, taken.hostname, taken.holder) == (
        ip(subnet, 1),
        "allocated",
        "web",
        subnet.name,
    )
    assert ledger.allocate(subnet.name, vm_id=subnet.name) == replace(taken, hostname="web")
    ledger.release(taken)
    assert ledger.address(taken.ip_address).status == "available"


def test_a_wanted_address_or_else_the_next(ledger, subnet):
    assert ledger.allocate(subnet, wanted=ip(subnet, 5)).ip_address == ip(subnet, 5)
    with pytest.raises(ApiError) as refused:
        ledger.allocate(subnet, wanted=ip(subnet, 5))
    assert refused.value.status == 409
    assert ledger.allocate(subnet, wanted=ip(subnet, 5), else_next=True).ip_address == ip(subnet, 1)
    assert ledger.allocate(subnet, not_before=ip(subnet, 7)).ip_address == ip(subnet, 7)


def test_a_full_pool_says_what_to_do(ledger, subnet):
    pool = next(ledger.rows("pools", subnet=subnet.id))["id"]
    for _ in range(9):
        ledger.allocate(subnet, pool=pool)
    with pytest.raises(ApiError) as refused:
        ledger.allocate(subnet)
    assert (refused.value.status, refused.value.title) == (409, "Conflict")
    assert "no free address" in refused.value.detail
    assert refused.value.hint
    assert ledger.next_free(subnet) is None
    assert ledger.usage(subnet)["available"] == 0


def test_a_refusal_names_the_fields(ledger):
    with pytest.raises(ApiError) as refused:
        ledger.add_server("a b", mac_address="x")
    assert refused.value.status == 400
    assert {"hostname", "mac_address"} >= set(refused.value.errors) > set()


def test_status_changes_one_by_one_and_many_at_once(ledger, subnet):
    kept = ledger.reserve(ip(subnet, 1), "printer")
    odd = ledger.quarantine(ip(subnet, 2), "strange")
    assert [(row.status, row.description) for row in (kept, odd)] == [
        ("reserved", "printer"),
        ("quarantine", "strange"),
    ]
    ledger.set_status([kept, odd], "available")
    assert {row.status for row in ledger.addresses(subnet=subnet.id)} == {"available"}


def test_many_servers_are_made_at_once_and_pages_follow_when_they_are_needed(ledger):
    made = ledger.add_servers({"hostname": f"many-{n}"} for n in range(1500))
    assert len(set(made)) == 1500
    assert ledger.server("MANY-7").id == made[7]
    assert len({server.id for server in ledger.servers(q="many-")}) == 1500
    assert len(list(itertools.islice(ledger.servers(q="many-", page_size=10), 25))) == 25


def test_bad_rows_are_counted_from_the_first_of_all(ledger):
    with pytest.raises(ApiError) as refused:
        ledger.add_servers({"hostname": f"some-{n}" if n != 1003 else "a b"} for n in range(1100))
    assert list(refused.value.errors) == ["1003.hostname"]
    assert sum(1 for _ in ledger.servers(q="some-")) == 1000


def test_search_and_why(ledger, subnet):
    ledger.add_server(
        f"seen-{subnet.id}", ip_address=ip(subnet, 3), mac_address=f"02:00:00:00:aa:{subnet.id:02x}"
    )
    found = ledger.search(f"seen-{subnet.id}")
    assert [row["ip_address"] for row in found["servers"]["results"]] == [ip(subnet, 3)]
    assert ledger.why(f"0200-0000-aa{subnet.id:02x}".replace("-", "."))["steps"][0]["good"] is True


def test_what_is_not_there_is_404(ledger):
    for ask in (
        lambda: ledger.subnet("192.0.2.0/24"),
        lambda: ledger.address("192.0.2.1"),
        lambda: ledger.server("no"),
    ):
        with pytest.raises(ApiError, match="404"):
            ask()


def test_an_export_is_read_like_a_file(ledger, subnet):
    with ledger.export("subnets", within=subnet.network) as table:
        heading, row = table.read().decode("utf-8-sig").splitlines()
    assert heading.startswith("network,name") and row.startswith(subnet.network)


def test_nobody_there_is_told_as_such():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(NotReached, match="IPMANAGER_URL"):
        next(Ledger(url, "", retries=0).subnets())


@contextlib.contextmanager
def losing_the_first_answer(url):
    """A way to the site on which the first answer is lost after it was given."""
    target = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as entry:

        def carry():
            for lost in (True, False):
                caller = entry.accept()[0]
                with caller, socket.create_connection((target.hostname, target.port)) as site:
                    site.sendall(whole(caller))
                    answer = site.makefile("rb").read()  # the client says Connection: close
                    if not lost:
                        caller.sendall(answer)

        thread = threading.Thread(target=carry, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{entry.getsockname()[1]}"
        thread.join(60)


def whole(caller):
    """A request with a body, to its end."""
    said = caller.recv(1 << 16)
    while b"\r\n\r\n" not in said or len(said.partition(b"\r\n\r\n")[2]) < length(said):
        said += caller.recv(1 << 16)
    return said


def length(said):
    return next(
        int(line[16:])
        for line in said.lower().split(b"\r\n")
        if line.startswith(b"content-length: ")
    )


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_done_twice(ledger, subnet):
    with losing_the_first_answer(ledger.url) as url:
        taken = replace(ledger, url=url).allocate(
            subnet
        )  # without a vm_id: each call takes another one
    assert taken.ip_address == ip(subnet, 1)
    assert [row.ip_address for row in ledger.addresses(subnet=subnet.id, status="allocated")] == [
        ip(subnet, 1)
    ]
