"""The one list of what answers without credentials. Everything else wants a token or a login.

`tests/api/test_api_access.py` walks the URL map and fails for any other route that answers.
"""

ROUTES = {
    "": "leads to the list, which wants a login",
    "favicon.ico": "the icon",
    "admin/login/": "the login itself",
    "admin/jsi18n/": "texts of the admin's scripts; nothing of ours",
    "i18n/setlang/": "chooses the language of the pages",
    "healthz": "for load balancers: the process lives",
    "readyz": "for load balancers: it can work",
    "boot.ipxe": "machines on their way up: which menu or image; no secret, whoever asks",
    "boot/loaders/1": "iPXE's loaders",
    "boot/answers/1/": "answer files, for the holder of a one-time permit at the server's own address",
    "boot/answers/1/1": "the same",
    "boot/done/1": "the installed system calls back, by a permit of its own",
    "boot/files/1": "kernels and the like, by the names that scripts give them",
    "api/v1/health": "the same, as system D's callers ask it",
}

# Only for the addresses that IPMANAGER_METRICS_FROM lists; there are none unless somebody writes
# them.
FOR_LISTED_ADDRESSES = "metrics"

# Only while IPMANAGER_POOL_API=open: the address pool for virtual machines.
WHEN_POOL_IS_OPEN = "api/v1/ip/"
