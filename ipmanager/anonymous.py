"""The list of routes that answer without credentials. All others require a token or a login.

`tests/api/test_api_access.py` walks the URL map and fails for any other route that answers.
"""

ROUTES = {
    "": "redirects to the list, which requires a login",
    "favicon.ico": "the icon",
    "admin/login/": "the login itself",
    "admin/jsi18n/": "texts of the admin's scripts; none is ours",
    "i18n/setlang/": "chooses the language of the pages",
    "healthz": "for load balancers: the process runs",
    "readyz": "for load balancers: the node can work",
    "boot.ipxe": "booting machines ask for their menu or image; the answer contains no secret",
    "boot/loaders/1": "iPXE's loaders",
    "boot/answers/1/": "answer files, for the holder of a one-time permit at the server's address",
    "boot/answers/1/1": "answer files, likewise",
    "boot/report/1/1": "boot scripts tell what the machine does; only its timeline hears it",
    "boot/done/1": "the installed system reports, with a permit of its own",
    "boot/files/1": "kernels and other boot files, by the names in the scripts",
    "api/v1/health": "the health question of system D's clients",
}

# Not in the URL map: WhiteNoise serves the style sheets, scripts and images, which are the same for
# everybody and are part of the published source.
STATIC = "static/"

# Only for the addresses that IPMANAGER_METRICS_FROM lists; by default there are none.
FOR_LISTED_ADDRESSES = "metrics"

# Only while IPMANAGER_POOL_API=open: the address pool for virtual machines.
WHEN_POOL_IS_OPEN = "api/v1/ip/"
