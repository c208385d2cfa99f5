import ipaddress
import stat

import pytest
from django.core.exceptions import ImproperlyConfigured

from core import env


@pytest.fixture
def setting(monkeypatch):
    return lambda value, name="IPMANAGER_X": monkeypatch.setenv(name, value)


def test_a_value_comes_from_the_environment_else_from_the_default(setting):
    assert env.text("IPMANAGER_X", "default") == "default"
    setting("here")
    assert env.text("IPMANAGER_X", "default") == "here"


def test_an_empty_value_counts_as_unset(setting):
    setting("")
    assert env.text("IPMANAGER_X", "default") == "default"
    assert env.flag("IPMANAGER_X", default=True) is True


def test_a_file_named_by_NAME_FILE_holds_the_value(setting, tmp_path):
    (tmp_path / "x").write_text("from the file\n")
    setting("from the environment")
    setting(str(tmp_path / "x"), "IPMANAGER_X_FILE")
    assert env.text("IPMANAGER_X") == "from the file"


def test_an_unreadable_file_is_named(setting, tmp_path):
    setting(str(tmp_path / "none"), "IPMANAGER_X_FILE")
    with pytest.raises(
        ImproperlyConfigured, match=r"IPMANAGER_X_FILE: cannot read .*/none: No such file"
    ):
        env.text("IPMANAGER_X")


def test_a_file_that_is_no_text_is_named(setting, tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    setting(str(tmp_path / "x"), "IPMANAGER_X_FILE")
    with pytest.raises(ImproperlyConfigured, match=r"IPMANAGER_X_FILE: .* is not UTF-8 text"):
        env.text("IPMANAGER_X")


@pytest.mark.parametrize(
    ("value", "read", "expected"),
    [
        ("Yes", lambda: env.flag("IPMANAGER_X"), True),
        ("off", lambda: env.flag("IPMANAGER_X", default=True), False),
        ("b", lambda: env.choice("IPMANAGER_X", "a", ["a", "b"]), "b"),
        ("abc", lambda: env.matching("IPMANAGER_X", "", "[a-z]+", "letters"), "abc"),
        (" a, b ,,c", lambda: env.words("IPMANAGER_X"), ["a", "b", "c"]),
        (
            "2001:db8::1",
            lambda: env.address("IPMANAGER_X", ""),
            ipaddress.ip_address("2001:db8::1"),
        ),
        ("10.0.0.0/8", lambda: env.network("IPMANAGER_X", ""), ipaddress.ip_network("10.0.0.0/8")),
        ("10.0.0.1", lambda: env.networks("IPMANAGER_X"), [ipaddress.ip_network("10.0.0.1/32")]),
        ("[::1]:80", lambda: env.host_port("IPMANAGER_X", ""), ("::1", 80)),
        ("Europe/Berlin", lambda: env.timezone("IPMANAGER_X", "UTC"), "Europe/Berlin"),
    ],
)
def test_each_reader_gives_its_type(setting, value, read, expected):
    setting(value)
    assert read() == expected


@pytest.mark.parametrize(
    ("value", "read", "complaint"),
    [
        ("maybe", lambda: env.flag("IPMANAGER_X"), "neither 1 nor 0"),
        ("c", lambda: env.choice("IPMANAGER_X", "a", ["a", "b"]), "not one of a, b"),
        ("A1", lambda: env.matching("IPMANAGER_X", "", "[a-z]+", "letters"), "not letters"),
        ("10.0.0.300", lambda: env.address("IPMANAGER_X", ""), "not an IP address"),
        ("10.0.0.1/8", lambda: env.network("IPMANAGER_X", ""), "has host bits set"),
        ("10.0.0.0/8,x", lambda: env.networks("IPMANAGER_X"), "'x' does not appear"),
        ("127.0.0.1", lambda: env.host_port("IPMANAGER_X", ""), "not HOST:PORT"),
        ("127.0.0.1:0", lambda: env.host_port("IPMANAGER_X", ""), "not HOST:PORT"),
        ("127.0.0.1:٣", lambda: env.host_port("IPMANAGER_X", ""), "not HOST:PORT"),
        ("Middle/Earth", lambda: env.timezone("IPMANAGER_X", "UTC"), "not a time zone"),
        ("/../etc/passwd", lambda: env.timezone("IPMANAGER_X", "UTC"), "not a time zone"),
        (
            "mysql://a@b/c",
            lambda: env.database("IPMANAGER_X", ""),
            "only sqlite:// and postgres://",
        ),
        ("nonsense", lambda: env.database("IPMANAGER_X", ""), "not a database URL"),
    ],
)
def test_a_bad_value_names_its_setting(setting, value, read, complaint):
    setting(value)
    with pytest.raises(ImproperlyConfigured, match=f"^IPMANAGER_X: .*{complaint}"):
        read()


def test_a_bad_database_url_never_shows_its_password(setting):
    setting("postgres://user:hunter2@host:port:port/name")
    with pytest.raises(ImproperlyConfigured) as raised:
        env.database("IPMANAGER_X", "")
    assert "hunter2" not in str(raised.value)


def test_a_database_may_be_behind_a_socket_or_several_hosts(setting):
    setting("postgres://me@%2Frun%2Fpostgresql/db")
    assert env.database("IPMANAGER_X", "")["HOST"] == "/run/postgresql"
    setting("postgres://me@one:5432,two:5433/db")
    assert env.database("IPMANAGER_X", "")["HOST"] == "one,two"


def test_a_directory_is_made(setting, tmp_path):
    setting(str(tmp_path / "a" / "b"))
    assert env.directory("IPMANAGER_X", "").is_dir()


def test_a_directory_that_cannot_be_made_is_named(setting, tmp_path):
    (tmp_path / "file").touch()
    setting(str(tmp_path / "file" / "b"))
    with pytest.raises(ImproperlyConfigured, match="IPMANAGER_X: cannot create the directory"):
        env.directory("IPMANAGER_X", "")


def test_a_secret_is_made_once_and_private(tmp_path):
    first = env.secret("IPMANAGER_X", tmp_path / "secret")
    assert len(first) > 50
    assert env.secret("IPMANAGER_X", tmp_path / "secret") == first
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_given_secret_makes_no_file(setting, tmp_path):
    setting("given")
    assert env.secret("IPMANAGER_X", tmp_path / "secret") == "given"
    assert not (tmp_path / "secret").exists()


def test_an_empty_secret_file_stops_the_start(tmp_path):
    (tmp_path / "secret").touch()
    with pytest.raises(
        ImproperlyConfigured, match=r"IPMANAGER_X is not set and .*/secret is empty"
    ):
        env.secret("IPMANAGER_X", tmp_path / "secret")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("IPMANAGER_DNSMAQS_DIR", "IPMANAGER_DNSMASQ_DIR"),
        ("IPMANAGER_ALLOWED_HOST", "IPMANAGER_ALLOWED_HOSTS"),
        ("IPMANAGER_SECRETKEY_FILE", "IPMANAGER_SECRET_KEY_FILE"),
        ("IPMANAGER_PUBLIC_Url", "IPMANAGER_PUBLIC_URL"),
        ("IPMANAGER_XYZZY", ""),
        ("IPMANAGER_COLOUR", ""),
    ],
)
def test_a_misspelt_name_is_found_with_the_nearest_setting(setting, settings, name, nearest):
    assert settings.configured  # all are read
    setting("x", name)
    assert env.unknown_names() == {name: nearest}


@pytest.mark.parametrize(
    "name",
    [
        "IPMANAGER_DNSMASQ_DIR",
        "IPMANAGER_SECRET_KEY_FILE",
        "IPMANAGER_TOKEN_FILE",
        "IPMANAGER_SERVICE_HOST",
        "IPMANAGER_SERVICE_PORT_HTTP",
        "IPMANAGER_WEB_PORT_8000_TCP_ADDR",
        "IPMANAGER_PORT",
    ],
)
def test_settings_and_what_kubernetes_sets_are_known_names(setting, settings, name):
    assert settings.configured
    setting("x", name)
    assert env.unknown_names() == {}
