"""ISC's names and types of options (dhcp-options(5)), and their values as ours. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from importers.readers.isc.syntax import Statement, Word
from importers.readers.machines import whole_bytes


@dataclass(frozen=True, slots=True)
class Definition:
    """An option's number, and the type of its values: a key of TYPES."""

    number: int
    type: str
    space: str = "dhcp"

    def check_space(self, own: str) -> None:
        """Raises Unkept for an option of another space than DHCP's own."""
        if self.space != own:
            raise Unkept(_("Options of this space cannot be kept."))


def _table(space: str, text: str) -> dict[str, Definition]:
    found = {}
    for line in text.split():
        name, number, kind = line.split(":")
        found[name] = Definition(int(number), kind, space)
    return found


# name:number:type
KNOWN = {
    4: _table(
        "dhcp",
        """
subnet-mask:1:ip time-offset:2:i32 routers:3:ips time-servers:4:ips ien116-name-servers:5:ips
domain-name-servers:6:ips log-servers:7:ips cookie-servers:8:ips lpr-servers:9:ips
impress-servers:10:ips resource-location-servers:11:ips host-name:12:text boot-size:13:u16
merit-dump:14:text domain-name:15:text swap-server:16:ip root-path:17:text
extensions-path-name:18:text ip-forwarding:19:flag non-local-source-routing:20:flag
policy-filter:21:ips max-dgram-reassembly:22:u16 default-ip-ttl:23:u8
path-mtu-aging-timeout:24:u32 path-mtu-plateau-table:25:u16s interface-mtu:26:u16
all-subnets-local:27:flag broadcast-address:28:ip perform-mask-discovery:29:flag
mask-supplier:30:flag router-discovery:31:flag router-solicitation-address:32:ip
static-routes:33:ips trailer-encapsulation:34:flag arp-cache-timeout:35:u32
ieee802-3-encapsulation:36:flag default-tcp-ttl:37:u8 tcp-keepalive-interval:38:u32
tcp-keepalive-garbage:39:flag nis-domain:40:text nis-servers:41:ips ntp-servers:42:ips
vendor-encapsulated-options:43:data netbios-name-servers:44:ips netbios-dd-server:45:ips
netbios-node-type:46:u8 netbios-scope:47:text font-servers:48:ips x-display-manager:49:ips
dhcp-requested-address:50:ip dhcp-lease-time:51:u32 dhcp-option-overload:52:u8
dhcp-message-type:53:u8 dhcp-server-identifier:54:ip dhcp-parameter-request-list:55:u8s
dhcp-message:56:text dhcp-max-message-size:57:u16 dhcp-renewal-time:58:u32
dhcp-rebinding-time:59:u32 vendor-class-identifier:60:data dhcp-client-identifier:61:data
nwip-domain:62:data nwip-suboptions:63:data nisplus-domain:64:text nisplus-servers:65:ips
tftp-server-name:66:text bootfile-name:67:text mobile-ip-home-agent:68:ips smtp-server:69:ips
pop-server:70:ips nntp-server:71:ips www-server:72:ips finger-server:73:ips irc-server:74:ips
streettalk-server:75:ips streettalk-directory-assistance-server:76:ips user-class:77:data
slp-directory-agent:78:data slp-service-scope:79:data fqdn:81:data relay-agent-information:82:data
nds-servers:85:ips nds-tree-name:86:text nds-context:87:text bcms-controller-names:88:domains
bcms-controller-address:89:ips client-last-transaction-time:91:u32 associated-ip:92:ips
pxe-system-type:93:u16s pxe-interface-id:94:data pxe-client-id:97:data uap-servers:98:text
geoconf-civic:99:data pcode:100:text tcode:101:text v6-only-preferred:108:u32
netinfo-server-address:112:ips netinfo-server-tag:113:text default-url:114:text
auto-config:116:u8 name-service-search:117:u16s subnet-selection:118:ip domain-search:119:domains
vivco:124:data vivso:125:data pana-agent:136:ips v4-lost:137:domain capwap-ac-v4:138:ips
sip-ua-cs-domains:141:domains rdnss-selection:146:data v4-portparams:159:data
v4-captive-portal:160:text loader-configfile:209:text loader-pathprefix:210:text
loader-reboottime:211:u32 option-6rd:212:data v4-access-domain:213:domain
wpad:252:text
""",
    ),
    6: _table(
        "dhcp6",
        """
client-id:1:data server-id:2:data ia-na:3:data ia-ta:4:data ia-addr:5:data oro:6:u16s
preference:7:u8 elapsed-time:8:u16 relay-msg:9:data unicast:12:ip6 status-code:13:data
rapid-commit:14:none user-class:15:data vendor-class:16:data vendor-opts:17:data
interface-id:18:data reconf-msg:19:u8 reconf-accept:20:none sip-servers-names:21:domains
sip-servers-addresses:22:ip6s name-servers:23:ip6s domain-search:24:domains ia-pd:25:data
ia-prefix:26:data nis-servers:27:ip6s nisp-servers:28:ip6s nis-domain-name:29:domains
nisp-domain-name:30:domains sntp-servers:31:ip6s info-refresh-time:32:u32 bcms-server-d:33:domains
bcms-server-a:34:ip6s geoconf-civic:36:data remote-id:37:data subscriber-id:38:data
fqdn:39:data pana-agent:40:ip6s new-posix-timezone:41:text new-tzdb-timezone:42:text ero:43:u16s
lq-query:44:data client-data:45:data clt-time:46:u32 lq-relay-data:47:other lq-client-link:48:ip6s
mip6-hnidf:49:domain mip6-vdinf:50:data v6-lost:51:domain capwap-ac-v6:52:ip6s relay-id:53:data
v6-access-domain:57:domain sip-ua-cs-list:58:domains bootfile-url:59:text bootfile-param:60:data
client-arch-type:61:u16s nii:62:data aftr-name:64:domain erp-local-domain-name:65:domain
rsoo:66:data pd-exclude:67:data rdnss-selection:74:data client-linklayer-addr:79:data
link-address:80:ip6 solmax-rt:82:u32 inf-max-rt:83:u32 dhcpv4-msg:87:data
dhcp4-o-dhcp6-server:88:ip6s v6-captive-portal:103:text relay-source-port:135:u16
ipv6-address-andsf:143:ip6s
""",
    ),
}
_NUMBERS = {
    "u8": (0, 0xFF),
    "u16": (0, 0xFFFF),
    "u32": (0, 0xFFFFFFFF),
    "i8": (-0x80, 0x7F),
    "i16": (-0x8000, 0x7FFF),
    "i32": (-0x80000000, 0x7FFFFFFF),
}
_FLAGS = {"on": "yes", "true": "yes", "off": "no", "false": "no"}
_INTEGER = re.compile(r"-?(0x[0-9a-fA-F]+|[0-9]+)")
_DOMAINS = re.compile(r'"[^",]+"(,"[^",]+")*')
_HEX = re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2})*")
_HOST = re.compile(r"[A-Za-z_]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?")


class Unkept(ValueError):
    """A right value that the ledger cannot keep."""


def _addresses(version: int) -> Callable[[Sequence[Word]], str]:
    def read(words: Sequence[Word]) -> str:
        if not words:
            raise ValueError(_("An address is missing."))
        return ",".join(map(_READ_ADDRESS[version], words))

    return read


def _address4(word: Word) -> str:
    if _HOST.fullmatch(str(word)):
        raise Unkept(_("The name %s is not resolved; enter its address.") % word)
    return str(ipaddress.IPv4Address(str(word)))


def _address6(word: Word) -> str:
    return str(ipaddress.IPv6Address(str(word)))


_READ_ADDRESS = {4: _address4, 6: _address6}


def _number(name: str) -> Callable[[Sequence[Word]], str]:
    least, most = _NUMBERS[name]

    def read(words: Sequence[Word]) -> str:
        text = _only(words).text
        if not _INTEGER.fullmatch(text):
            raise ValueError(_("“%s” is not a number.") % text)
        value = int(text, 0)
        facts = {"value": value, "least": least, "most": most}
        if not least <= value <= most:
            raise ValueError(_("%(value)d is not between %(least)d and %(most)d.") % facts)
        return str(value)

    return read


def _numbers(words: Sequence[Word]) -> str:
    read = _number("u32")
    return ",".join(map(read, zip(words, strict=True)))


def _only(words: Sequence[Word]) -> Word:
    if len(words) != 1:
        raise ValueError(_("One value is expected."))
    return words[0]


def _text(words: Sequence[Word]) -> str:
    return _only(words).text


def _flag(words: Sequence[Word]) -> str:
    text = _only(words).text.lower()
    if text not in _FLAGS:
        raise ValueError(_("“%s” is neither on nor off.") % text)
    return _FLAGS[text]


def _domain(words: Sequence[Word]) -> str:
    word = _only(words)
    if word.quoted:
        raise ValueError(_("%s is not a domain name: write it without quotes.") % word)
    return word.text


def _domains(words: Sequence[Word]) -> str:
    text = ",".join(map(str, words))
    if not _DOMAINS.fullmatch(text):
        raise ValueError(_("Domain names are expected, each in quotes."))
    return text.replace('"', "")


def _data(words: Sequence[Word]) -> str:
    """Bytes as `01:0a:ff`; of a string, its text."""
    word = _only(words)
    if word.quoted:
        return word.text
    if not _HEX.fullmatch(word.text):
        raise ValueError(_("“%s” is neither a string nor bytes as in 01:0a:ff.") % word)
    return whole_bytes(word.text)


def _none(words: Sequence[Word]) -> str:
    if words:
        raise ValueError(_("This option has no value."))
    return ""


def _other(words: Sequence[Word]) -> str:
    raise Unkept(_("Values of this type cannot be kept."))


TYPES: dict[str, Callable[[Sequence[Word]], str]] = {
    "ip": lambda words: _addresses(4)([_only(words)]),
    "ips": _addresses(4),
    "ip6": lambda words: _addresses(6)([_only(words)]),
    "ip6s": _addresses(6),
    "text": _text,
    "flag": _flag,
    "domain": _domain,
    "domains": _domains,
    "data": _data,
    "none": _none,
    "u8s": _numbers,
    "u16s": _numbers,
    "other": _other,
    **{name: _number(name) for name in _NUMBERS},
}
# Our kinds of values, for options whose number does not say it.
_OURS = {
    "ip": "addresses",
    "ips": "addresses",
    "ip6": "addresses",
    "ip6s": "addresses",
    "domain": "text",
    "domains": "domains",
    "flag": "flag",
    "text": "text",
    "u8": "u8",
    "u16": "u16",
    "u32": "u32",
    "i32": "i32",
    "bytes": "bytes",
}
_DATA = {True: "text", False: "bytes"}


def kind_of(definition: Definition, words: Sequence[Word]) -> str:
    """Our kind of an option's value."""
    key = definition.type
    if key == "data":
        key = _DATA[words[0].quoted]
    return _OURS.get(key, "")


def kind_of_type(name: str) -> str:
    """Our kind of the values of a type; empty where there is none."""
    return _OURS.get(name, "")


# --- definitions: option NAME code NUMBER = TYPE --------------------------------------------------

_SIMPLE = {
    **{f"signed integer {bits}": f"i{bits}" for bits in (8, 16, 32)},
    **{f"integer {bits}": f"i{bits}" for bits in (8, 16, 32)},
    **{f"unsigned integer {bits}": f"u{bits}" for bits in (8, 16, 32)},
    "boolean": "flag",
    "ip-address": "ip",
    "ip6-address": "ip6",
    "text": "text",
    "string": "data",
    "domain-name": "domain",
    "domain-list": "domains",
    "zerolen": "none",
    '"X"': "data",
}
_LISTS = {"ip": "ips", "ip6": "ip6s", "u8": "u8s", "u16": "u16s"}
_OTHER = re.compile(r"(array of )?\{.*\}|encapsulate \S+")
_NO_ARRAY = re.compile(r"array of (array|text|string|domain-list)\b.*")
_COMPRESSED = "domain-list compressed"


def defined(statement: Statement, version: int) -> tuple[str, Definition]:
    """The name and the definition that a statement makes. Raises BadInput."""
    name, _code, number, _sign, *words = map(str, statement.rest)
    if not number.isdecimal():
        raise statement.wrong(_("“%s” is not the number of an option.") % number)
    space = name.rpartition(".")[0] or "dhcp"
    return name, Definition(int(number), _type(statement, " ".join(words), version), space)


def _type(statement: Statement, text: str, version: int) -> str:
    if _OTHER.fullmatch(text):
        return "other"
    if _NO_ARRAY.fullmatch(text):
        raise statement.wrong(_("An array cannot hold arrays or texts."))
    if text == _COMPRESSED and version == 6:
        raise statement.wrong(_("A list of domains is never compressed in DHCPv6."))
    inner = text.removesuffix(" compressed").removeprefix("array of ")
    if inner not in _SIMPLE:
        raise statement.wrong(_("“%s” is not a type of options.") % text[:60])
    found = _SIMPLE[inner]
    if text.startswith("array"):
        found = _LISTS.get(found, "other")
    return found
