"""What an image, a file name, a command line and a menu may be."""

import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from pxe.boot import ipxe
from pxe.models import BootImage
from tests.pxe.factories import AssignmentFactory, FileFactory, ImageFactory, MenuFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "cmdline",
    [
        "quiet",
        "console=ttyS0,115200n8",
        "ds=nocloud;s=http://10.0.0.1/",
        'dyndbg="file x +p"',
        "a#b",
        "a||b",
    ],
)
def test_a_command_line_may_be(cmdline):
    assert ImageFactory(cmdline=cmdline).cmdline == cmdline


@pytest.mark.parametrize(
    "cmdline",
    [
        "a || shell",
        "a && b",
        "a ; b",
        "# x",
        "${mac}",
        "a\\",
        "a `b`",
        "ä",
        "a\0b",
        "x " * 600,
        "root_password=x",
        "TOKEN=1",
        "api_key=x",
        "passwd/root-password=r00t",
        "secret=x",
    ],
)
def test_a_command_line_is_refused(cmdline):
    with pytest.raises(ValidationError):
        ImageFactory(cmdline=cmdline)


def test_line_breaks_in_a_command_line_are_blanks():
    assert ImageFactory(cmdline=" a\n b\t c ").cmdline == "a b c"


@pytest.mark.parametrize("name", ["debian-12", "Windows 11 (23H2)", "a.b_c+d", "3.5"])
def test_an_image_may_be_called(name):
    assert ImageFactory(name=name).name == name


@pytest.mark.parametrize(
    "name", ["", "-x", ":x", "a\nb", "a  b", " a", "${x}", "a;b", "a#b", "a|b", "Büro", "x" * 61]
)
def test_an_image_may_not_be_called(name):
    with pytest.raises(ValidationError):
        ImageFactory(name=name)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../b",
        "/etc/passwd",
        "a//b",
        ".x",
        "a/.x",
        "a\\b",
        "a b",
        "a\0",
        "%2e%2e/x",
        "",
        "a/",
        "x" * 201,
    ],
)
def test_a_file_may_not_be_called(name):
    with pytest.raises(ValidationError):
        FileFactory(name=name)


def test_a_kernel_image_names_its_kernel_and_a_chain_its_url():
    with pytest.raises(ValidationError, match="Choose the kernel"):
        ImageFactory(kernel=None)
    with pytest.raises(ValidationError, match="Enter the URL"):
        ImageFactory(kind="chain", kernel=None)
    with pytest.raises(ValidationError, match="Enter a URL"):
        ImageFactory(kind="chain", kernel=None, chain_url="http://x/ || shell")


def test_what_is_used_is_not_deleted():
    assignment = AssignmentFactory(image__initrds=[FileFactory()])
    for used in (assignment.image.kernel, assignment.image.initrds[0], assignment.image):
        with pytest.raises(ProtectedError):
            used.delete()


def test_initrds_keep_their_order():
    first, second = FileFactory(), FileFactory()
    image = ImageFactory(initrds=[second, first])
    assert BootImage.objects.get(pk=image.pk).initrds == [second, first]


def test_menus_stand_two_deep_and_one_is_the_default():
    menu = MenuFactory(is_default=True)
    below = MenuFactory(parent=menu)
    with pytest.raises(ValidationError, match="cannot contain"):
        MenuFactory(parent=below)
    with pytest.raises(ValidationError, match="has submenus"):
        menu.parent = MenuFactory()
        menu.save()
    with pytest.raises(ValidationError, match="is the default menu"):
        MenuFactory(is_default=True)


@pytest.mark.parametrize(
    "word", ["", "a b", "||", "&&", ";", "#x", "$x", "a\\", "a\nb", "ä", "x" * 1001]
)
def test_the_writer_itself_refuses_what_is_more_than_a_word(word):
    with pytest.raises(ValueError):
        ipxe.script([ipxe.Command("echo", (word,))])
