"""Unattended installations: answer files for the right server only, once; and the call-back that
ends them."""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from pxe.boot import answers
from pxe.models import BootAnswers, BootAssignment, BootEvent, BootPermit
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.pxe import tokenizer
from tests.pxe.factories import AnswersFactory, AssignmentFactory, FileFactory, ImageFactory

pytestmark = pytest.mark.django_db
MAC, IP = "02:00:00:00:00:0a", "10.77.0.9"
HASH, KEY = "$6$saltsalt$" + "h" * 86, "ssh-ed25519 " + "A" * 68 + " ops@example"
EVERYTHING = " ".join(f"@@{name}@@" for name in answers.VARIABLES)


def install(kind="preseed", text=EVERYTHING, **more):
    SubnetFactory(
        network="10.77.0.0/24", gateway="10.77.0.1", dns_servers=["10.77.0.2"], domain="lab.example"
    )
    given = AnswersFactory(kind=kind, text=text, password_hash=HASH, ssh_key=KEY)
    image = ImageFactory(kernel=FileFactory(name="vmlinuz"), answers=given)
    return AssignmentFactory(
        server__hostname="web", server__mac_address=MAC, server__ip_address=IP, image=image, **more
    )


@pytest.fixture
def boot(client):
    """Boot, and say where the answers are."""

    def boot(source=IP):
        text = client.get("/boot.ipxe", {"mac": MAC}, REMOTE_ADDR=source).content.decode()
        found = re.search(r"http://testserver(/boot/answers/[\w-]+/)", text)
        return found and found[1]

    return boot


@pytest.fixture
def fetch(client):
    def fetch(url, source=IP):
        response = client.get(url, REMOTE_ADDR=source)
        return response.content.decode() if response.status_code == 200 else response.status_code

    return fetch


def test_the_answers_know_their_server(boot, fetch):
    install()
    callback = re.search(r"http://testserver/boot/done/\w+", text := fetch(f"{boot()}preseed.cfg"))[
        0
    ]
    assert text == (
        f"web web.lab.example lab.example {IP} 255.255.255.0 24 10.77.0.1 10.77.0.2 {MAC} "
        f"{HASH} {KEY} {callback}"
    )


@pytest.mark.parametrize(
    ("kind", "text", "argument", "files"),
    [
        ("preseed", "x", "url=http://testserver{}preseed.cfg", ["preseed.cfg"]),
        ("kickstart", "x", "inst.ks=http://testserver{}ks.cfg", ["ks.cfg"]),
        (
            "cloud-init",
            "#cloud-config\n",
            "ds=nocloud-net;s=http://testserver{}",
            ["user-data", "meta-data", "vendor-data"],
        ),
        ("unattend", "<a/>", "http://testserver{}unattend.xml", ["unattend.xml"]),
    ],
)
def test_each_installer_is_told_where_its_answers_are(client, fetch, kind, text, argument, files):
    install(kind, text)
    commands = tokenizer.read(
        client.get("/boot.ipxe", {"mac": MAC}, REMOTE_ADDR=IP).content.decode()
    )
    words = [word for command in commands if command[0] in ("kernel", "initrd") for word in command]
    url = re.search(r"/boot/answers/[\w-]+/", " ".join(words))[0]
    assert argument.format(url) in words
    assert all(isinstance(fetch(url + name), str) for name in files)
    assert fetch(f"{url}other") == 404


# --- for the server alone, and once ---------------------------------------------------------------


def test_the_call_back_ends_the_installation_and_the_next_boot_is_the_disk(boot, fetch, client):
    assignment = install()
    text = fetch(f"{boot()}preseed.cfg")
    callback = re.search(r"/boot/done/\w+", text)[0]
    assert client.post(callback, REMOTE_ADDR="10.77.0.55").content == b"ok\n"
    assert client.get(callback).content == b"ok\n"  # the answer may have been lost
    assignment.refresh_from_db()
    assert (assignment.state, boot()) == ("done", None)
    kinds = BootEvent.objects.of(assignment.server).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["offer", "answer", "done", "ended", "menu"]


def test_only_the_server_s_own_address_is_told_of_answers_and_the_timeline_says_why(boot):
    install()
    assert boot(source="10.77.0.66") is None
    assert "Without its answer file" in BootEvent.objects.get().detail


def test_a_permit_works_from_one_address_only(boot, fetch):
    install()
    assert fetch(f"{boot()}preseed.cfg", source="10.77.0.66") == 404
    assert "belongs to 10.77.0.9" in BootEvent.objects.get(kind="refused").detail


def test_a_permit_is_spent_a_few_minutes_after_its_first_use(boot, fetch):
    install()
    url = boot()
    assert fetch(f"{url}preseed.cfg") == fetch(f"{url}preseed.cfg")
    permit = BootPermit.objects.get()
    assert permit.fetch_until < timezone.now() + timedelta(minutes=5, seconds=1)
    BootPermit.objects.update(fetch_until=timezone.now())
    assert fetch(f"{url}preseed.cfg") == 404


def test_a_new_attempt_takes_the_older_one_s_permit(boot, fetch):
    install()
    first, second = boot(), boot()
    assert (fetch(f"{first}preseed.cfg"), isinstance(fetch(f"{second}preseed.cfg"), str)) == (
        404,
        True,
    )


def test_a_look_at_the_head_spends_nothing(boot, client):
    install()
    url = boot()
    before = BootPermit.objects.get().fetch_until
    assert client.head(f"{url}preseed.cfg", REMOTE_ADDR=IP).status_code == 200
    assert BootPermit.objects.get().fetch_until == before


@pytest.mark.parametrize("secret", ["", "1", "None", "-1", "x" * 32, "é", "a" * 5000, "%00"])
def test_no_other_text_is_a_permit(fetch, client, secret):
    install()
    assert fetch(f"/boot/answers/{secret}/preseed.cfg") == 404
    assert client.post(f"/boot/done/{secret}").status_code == 404


def test_neither_secret_can_be_used_for_the_other_and_none_is_kept(boot, fetch, client):
    install()
    url = boot()
    secret = url.split("/")[3]
    callback = re.search(r"/boot/done/(\w+)", fetch(f"{url}preseed.cfg"))[1]
    assert client.post(f"/boot/done/{secret}").status_code == 404
    assert fetch(f"/boot/answers/{callback}/preseed.cfg") == 404
    kept = str(BootPermit.objects.values().get())
    assert secret not in kept and callback not in kept


def test_a_late_call_back_is_heard(boot, fetch, client):
    install(max_attempts=1)
    callback = re.search(r"/boot/done/\w+", fetch(f"{boot()}preseed.cfg"))[0]
    assert boot() is None
    assert BootAssignment.objects.get().state == "given_up"
    client.post(callback)
    assert BootAssignment.objects.get().state == "done"


def test_asking_for_every_mac_and_address_tells_no_secret(client):
    install()
    for number in range(2, 40):
        ServerFactory(
            mac_address=f"02:00:00:00:01:{number:02x}", ip_address=f"10.77.0.{number + 10}"
        )
    macs = [MAC, *(f"02:00:00:00:01:{number:02x}" for number in range(40))]
    for mac in macs:
        text = client.get("/boot.ipxe", {"mac": mac}, REMOTE_ADDR="192.0.2.1").content.decode()
        assert not re.search(r"answers/|\$6\$|ssh-|pass|token|secret", text)


# --- what may stand in an answer file -------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("preseed", "@@secret_key@@", "Unknown variable @@secret_key@@"),
        ("preseed", "@@hostname.__class__@@", "Unknown variable"),
        ("cloud-init", "users: []", "must start with #cloud-config"),
        ("unattend", "<a>", "is not valid XML"),
        ("unattend", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "Remove the document type"),
    ],
)
def test_a_text_is_refused(kind, text, reason):
    with pytest.raises(ValidationError, match=re.escape(reason)):
        AnswersFactory(kind=kind, text=text)


@pytest.mark.parametrize("field", ["password_hash", "ssh_key"])
@pytest.mark.parametrize(
    "value", ["secret", "$6$x\n", HASH + "\n", KEY + "\nssh-rsa x", KEY + " <b>", "'; reboot; '"]
)
def test_a_secret_that_is_no_hash_and_no_key_is_refused(field, value):
    with pytest.raises(ValidationError):
        AnswersFactory(**{field: value})


def test_what_looks_like_a_template_is_text(boot, fetch):
    install(text="{{ 7*7 }} {% debug %} ${hostname} %(ip)s $(reboot) `id` @@hostname@@")
    assert (
        fetch(f"{boot()}preseed.cfg")
        == "{{ 7*7 }} {% debug %} ${hostname} %(ip)s $(reboot) `id` web"
    )


@pytest.mark.parametrize(
    "value", ["a b", "x\ny", "<x>", "$(reboot)", "'", '"', "a;b", "&amp;", "@@ip@@", "a: b"]
)
def test_a_value_with_a_meaning_in_any_format_is_not_filled_in(value):
    with pytest.raises(ValueError):
        answers.fill("@@hostname@@", {"hostname": value})


def test_a_value_that_raw_sql_has_spoilt_gives_no_answer_and_says_so(boot, fetch):
    install()
    BootAnswers.objects.update(password_hash="x; reboot")
    assert fetch(f"{boot()}preseed.cfg") == 404
    assert "password_hash" in BootEvent.objects.get(kind="refused").detail
