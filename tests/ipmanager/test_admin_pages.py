import pytest

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.django_db(transaction=True)]


def test_a_person_logs_in(page, admin_user):
    page.goto("/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")


def test_the_admin_obeys_the_content_policy(admin_page):
    answer = admin_page.goto("/admin/auth/user/")
    assert "'unsafe-eval'" in answer.headers["content-security-policy"]
    admin_page.get_by_role("heading", name="user").first.wait_for()


def test_pages_outside_the_admin_have_the_strict_policy(client):
    policy = client.get("/healthz").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy


@pytest.mark.parametrize("query", ["", "?q=nothing-like-it"])
def test_an_empty_list_says_why_and_offers_no_way_to_add(admin_client, query):
    page = admin_client.get(f"/admin/dhcp/handedit/{query}").content.decode()
    assert ("Nothing matches" if query else "No hand edit of dnsmasq&#x27;s files is open") in page
    assert "Create a new item" not in page
    assert "Show all" not in page
