"""Events and webhooks for tests."""

import itertools

from django.contrib.auth.models import User

from events.models import Event, Webhook

_numbers = itertools.count()


def superuser(name="root"):
    return User.objects.create_superuser(name)


def webhook(url, owner=None, name="hook", **values):
    owner = owner or User.objects.filter(is_superuser=True).first() or superuser()
    values = {"timeout": 1, **values}
    hook = Webhook(name=name, url=url, owner=owner, **values)
    hook.save()
    return hook


def event(subject=1, kind="address.allocated", **values):
    return Event(
        kind=kind,
        subject_model="ipam.ipaddress",
        subject_id=str(subject),
        subject=f"10.0.0.{subject}",
        origin=f"test:{next(_numbers)}",
        **values,
    )


def events(number, subjects=5, **values):
    """So many events, of these subjects in turn, as they are in the database."""
    rows = [event(one % subjects, data={"number": one}, **values) for one in range(number)]
    Event.objects.bulk_create(rows)
    return list(Event.objects.order_by("pk"))
