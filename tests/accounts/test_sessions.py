"""Sessions are listed and ended, one's own and, by administrators, those of others."""

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Session
from tests.accounts.people import ACCOUNT, THERE, browser, is_in, person, send_password
from tests.support.api import staff

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/session/"


@pytest.fixture
def ada():
    return person()


def logged_in(name="ada", address=THERE, agent="Netscape"):
    client = browser(address)
    client.defaults["HTTP_USER_AGENT"] = agent
    send_password(client, name)
    return client


def test_a_user_sees_where_the_account_is_logged_in(ada):
    here = logged_in(agent="Firefox")
    logged_in(address="2001:db8::7", agent="<b>Lynx</b>")
    person("bob")
    logged_in("bob", "198.51.100.9")
    page = here.get(ACCOUNT).content.decode()
    for shown in (THERE, "2001:db8::7", "Firefox", "&lt;b&gt;Lynx", "this one"):
        assert shown in page
    assert "198.51.100.9" not in page


def test_the_database_and_no_page_holds_what_opens_a_session(ada, admin_client):
    client = logged_in()
    secret = client.cookies["sessionid"].value
    assert not Session.objects.filter(session_key=secret).exists()
    for page in (client.get(ACCOUNT), admin_client.get(LIST)):
        assert secret not in page.content.decode()
    thief = browser()
    thief.cookies["sessionid"] = Session.objects.filter(user=ada).get().session_key
    assert not is_in(thief)


def test_a_session_of_ones_own_is_ended_and_nobody_elses(ada):
    bob, here, other = person("bob"), logged_in(), logged_in()
    bobs = logged_in("bob")
    for user, ended in ((bob, False), (ada, True)):
        for key in Session.objects.filter(user=user).values_list("session_key", flat=True):
            if key != own_key(here):
                here.post(ACCOUNT, {"action": "end", "session": key})
        assert is_in(other) != ended
    assert is_in(here) and is_in(bobs)


def own_key(client):
    from accounts.session_store import digest

    return digest(client.cookies["sessionid"].value)


def test_all_others_are_ended_at_once(ada):
    here, others = logged_in(), [logged_in() for _ in range(3)]
    page = here.post(ACCOUNT, {"action": "end-others"}, follow=True).content.decode()
    assert "3 sessions were logged out" in page
    assert is_in(here) and not any(map(is_in, others))


@pytest.mark.parametrize("sent", [{}, {"action": "x"}, {"action": "end", "session": "a\0b"}])
def test_nonsense_changes_nothing(ada, sent):
    client = logged_in()
    assert client.post(ACCOUNT, sent).status_code == 302
    assert is_in(client)


def test_an_administrator_ends_any_session(ada, admin_client):
    client = logged_in()
    row = Session.objects.get(user=ada)
    assert THERE in admin_client.get(LIST).content.decode()
    admin_client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    assert not is_in(client)
    again = logged_in()
    admin_client.post("/admin/auth/user/", {"action": "log_out", "_selected_action": [ada.pk]})
    assert not is_in(again)


def test_who_may_not_sees_and_ends_nothing(ada):
    logged_in()
    row = Session.objects.get(user=ada)
    client = browser()
    client.force_login(staff("auth.view_user"))
    assert client.get(LIST).status_code == 403
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_session_that_was_ended_does_not_come_back(ada):
    """A request that is under way saves its session last."""
    client = logged_in()
    session = client.session
    session["origin"] |= {"seen": 0}
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        session.save()
    assert not Session.objects.exists()


def test_a_session_ends_after_its_time_however_much_it_is_used(ada, settings):
    client = logged_in()
    ends = Session.objects.get().expire_date
    session = client.session
    session["origin"] |= {"seen": 0}
    session.save()
    before = Session.objects.get().last_seen
    assert is_in(client)
    row = Session.objects.get()
    assert (row.expire_date, row.last_seen > before) == (ends, True)
    Session.objects.update(expire_date=timezone.now())
    assert not is_in(client)
    call_command("clearsessions")
    assert not Session.objects.exists()


def test_a_deleted_user_has_no_session_left(ada):
    client = logged_in()
    ada.delete()
    assert not Session.objects.exists()
    assert not is_in(client)
