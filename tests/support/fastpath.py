"""Test clients are served as by the WSGI application: by the fast path first, then by Django."""

from contextlib import contextmanager

from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction
from django.http import HttpResponse
from django.test.client import ClientHandler
from django.test.utils import override_settings


def serve_test_clients():
    """Put the fast path before the handler of Django's and REST framework's test clients."""
    django = ClientHandler.__call__

    def serve(handler, environ):
        from ipmanager import wsgi  # imported late: it loads the apps

        if not wsgi.is_candidate(environ):
            return django(handler, environ)
        request = WSGIRequest(dict(environ))
        fast = wsgi.fast_response(environ, request)
        if fast is None:
            return django(handler, environ)
        response = HttpResponse(fast.body, status=fast.status, headers=fast.headers)
        response.wsgi_request = request
        return response

    ClientHandler.__call__ = serve


def is_fast(response):
    """Whether the fast path has answered: LocaleMiddleware has not seen the response."""
    return "Content-Language" not in response


def both_ways(send):
    """What the function returns with the fast path and without it, from the same rows."""
    return [_undone(send, fastpath) for fastpath in (True, False)]


def _undone(send, fastpath):
    with override_settings(FASTPATH=fastpath), _rolled_back():
        return send()


@contextmanager
def _rolled_back():
    savepoint = transaction.savepoint()
    yield
    transaction.savepoint_rollback(savepoint)
