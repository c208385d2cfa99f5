"""Where a webhook may go: nowhere that is not public, however it is written."""

import ipaddress
import socket

import pytest
from django.core.exceptions import ValidationError

from events.models import Webhook
from events.webhooks import post, targets
from tests.events.making import superuser
from tests.events.receiver import receiver

REFUSED = {
    "loopback": "http://127.0.0.1/",
    "loopback elsewhere": "http://127.8.9.10/",
    "private 10": "http://10.1.2.3/",
    "private 172": "http://172.31.255.254/",
    "private 192": "https://192.168.0.1/",
    "link-local": "http://169.254.1.1/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "metadata over IPv6": "http://[fd00:ec2::254]/",
    "carrier NAT": "http://100.64.0.1/",
    "multicast": "http://224.0.0.1/",
    "broadcast": "http://255.255.255.255/",
    "unspecified": "http://0.0.0.0/",
    "benchmark": "http://198.18.0.1/",
    "IPv6 loopback": "http://[::1]/",
    "IPv6 unspecified": "http://[::]/",
    "IPv6 link-local": "http://[fe80::1]/",
    "with an interface": "http://[fe80::1%25eth0]/",
    "unique local": "http://[fd12:3456::1]/",
    "site-local": "http://[fec0::1]/",
    "IPv6 multicast": "http://[ff02::1]/",
    "mapped": "http://[::ffff:127.0.0.1]/",
    "compatible": "http://[::127.0.0.1]/",
    "NAT64": "http://[64:ff9b::7f00:1]/",
    "local NAT64": "http://[64:ff9b:1::7f00:1]/",
    "6to4": "http://[2002:7f00:1::]/",
    "Teredo": "http://[2001:0:7f00:1::]/",
    "decimal": "http://2130706433/",
    "octal": "http://0177.0.0.1/",
    "hexadecimal": "http://0x7f.0.0.1/",
    "hexadecimal, whole": "http://0x7f000001/",
    "short": "http://127.1/",
    "public in decimal": "http://134744072/",
    "by name": "http://localhost/",
    "by name with a dot": "http://localhost./",
    "address with a dot": "http://127.0.0.1./",
    "wide digits": "http://\uff11\uff12\uff17.0.0.1/",
    "wide dots": "http://127\u30020\u30020\u30021/",
    "circled letters": "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
    "user name": "http://example.org@127.0.0.1/",
    "user name before a public one": "http://u:p@192.0.2.1/",
    "backslash": "http://example.org\\@127.0.0.1/",
    "line break": "http://example.org/\r\nX: y",
    "tab": "http://127.0\t.0.1/",
    "fragment": "http://127.0.0.1#@example.org/",
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:70/",
    "no scheme": "//127.0.0.1/",
    "no host": "http:///x",
    "port 0": "http://8.8.8.8:0/",
    "port too large": "http://8.8.8.8:70000/",
    "empty": "",
}


@pytest.mark.once
@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED.keys())
def test_a_target_that_is_not_public_is_refused(url):
    with pytest.raises(targets.Refused):
        targets.resolve(targets.parse(url))


@pytest.mark.once
@pytest.mark.parametrize(
    "url", ["http://8.8.8.8/", "https://[2606:4700::1111]:8443/hook?x=1", "http://1.1.1.1:8080/a"]
)
def test_a_public_address_is_allowed(url):
    target = targets.parse(url)
    assert targets.resolve(target) == [ipaddress.ip_address(target.host)]


@pytest.mark.once
def test_a_name_of_which_one_address_is_not_public_is_refused(monkeypatch):
    found = [(2, 1, 6, "", ("8.8.8.8", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(targets.Refused, match="10.0.0.1"):
        targets.resolve(targets.parse("http://two.example.org/"))


@pytest.mark.once
def test_a_name_that_resolves_anew_leads_to_the_address_that_was_checked(settings, monkeypatch):
    """DNS rebinding: the second answer would be another host. Nobody asks a second time."""
    settings.WEBHOOK_ALLOW = [ipaddress.ip_network("127.0.0.1/32")]
    asked = []

    def resolver(host, port, **kwargs):
        asked.append(host)
        return [(2, 1, 6, "", (f"127.0.0.{len(asked)}", port))]

    real = socket.getaddrinfo
    with receiver() as one:
        pretend = lambda host, port, *args, **kwargs: (  # noqa: E731
            resolver(host, port) if host == "rebind.example.org" else real(host, port, *args)
        )
        monkeypatch.setattr(socket, "getaddrinfo", pretend)
        body = b'{"subject": {"model": "m", "id": "1"}}'
        headers = {"IPManager-Event-Id": "1", "IPManager-Signature": ""}
        request = post.Request(f"http://rebind.example.org:{one.port}/", body, headers)
        assert post.post(request).status == 204
        assert asked == ["rebind.example.org"]
        assert one.got[0].headers["Host"] == f"rebind.example.org:{one.port}"
        with pytest.raises(targets.Refused, match="127.0.0.2"):
            post.post(request)


@pytest.mark.once
def test_an_exception_of_the_setting_lets_through_what_it_lists_and_no_disguise(settings):
    settings.WEBHOOK_ALLOW = [ipaddress.ip_network("127.0.0.0/8")]
    targets.resolve(targets.parse("http://127.0.0.1/"))
    for url in (REFUSED["mapped"], REFUSED["decimal"], REFUSED["NAT64"], REFUSED["private 10"]):
        with pytest.raises(targets.Refused):
            targets.resolve(targets.parse(url))


@pytest.mark.django_db
def test_a_webhook_is_not_saved_with_such_a_target_and_its_field_says_why():
    with pytest.raises(ValidationError) as refused:
        Webhook(name="inside", url="http://169.254.169.254/", owner=superuser()).save()
    assert "IPMANAGER_WEBHOOK_ALLOW" in refused.value.message_dict["url"][0]


@pytest.mark.once
def test_proxies_of_the_environment_are_not_used(settings, monkeypatch):
    settings.WEBHOOK_ALLOW = [ipaddress.ip_network("127.0.0.1/32")]
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    with receiver() as one:
        headers = {"IPManager-Event-Id": "1", "IPManager-Signature": ""}
        body = b'{"subject": {"model": "m", "id": "1"}}'
        assert post.post(post.Request(one.url, body, headers)).status == 204
