"""The fast path: the most frequent API requests, answered before Django's middleware, URL resolver
and REST framework.

Each route asks the database one statement that also identifies the caller (`caller`). An app
registers its routes in `AppConfig.ready` (`registry`), the WSGI application asks for an answer
(`answer`). A request that is in any way unusual has none and goes to Django, which decides anew
and alone refuses. Both give the same response to the same request; tests/api/test_fastpath.py
compares them. `IPMANAGER_FASTPATH=0` switches the fast path off."""
