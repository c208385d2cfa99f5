"""The tables without a history, each with the reason. A test demands a history or a reason."""

_EVIDENCE = "evidence with its own clock, not a decision"
_CLOCK = "a heartbeat"
_QUEUE = "work that waits; gone when it is done"
_DERIVED = "worked out from other tables"
_LIST = "is itself a list of what happened"
_CACHE = "a stored answer"
_CHAIN = "the chain over the log, which proves itself"

UNTRACKED = {
    "accounts.knownsource": _EVIDENCE,
    "accounts.loginbrake": "counts wrong passwords; they are security events",
    "accounts.revocation": "a deleted token or user; their history says so",
    "accounts.session": "logins and ends of sessions are security events",
    "admin.logentry": _LIST,
    "auth.permission": "made by migrations from the models",
    "axes.accessattempt": _LIST,
    "axes.accessattemptexpiration": _LIST,
    "axes.accessfailurelog": _LIST,
    "axes.accesslog": _LIST,
    "changes.day": _CHAIN,
    "changes.seal": _CHAIN,
    "contenttypes.contenttype": "made by migrations from the models",
    "dhcp.agentreport": _CLOCK,
    "dhcp.dhcpchange": _QUEUE,
    "dhcp.dhcplog": "how far a log was read",
    "dhcp.dhcpnode": _CLOCK,
    "dhcp.dhcpproblem": _EVIDENCE,
    "dhcp.dhcptransaction": _EVIDENCE,
    "dhcp.dnsmasqheartbeat": _CLOCK,
    "dhcp.generation": _LIST,
    "dhcp.hostreport": _EVIDENCE,
    "dhcp.keptfiles": "the files of generations, which are a list of what happened",
    "dhcp.lease": _EVIDENCE,
    "dhcp.leaseinterval": _EVIDENCE,
    "dhcp.synclease": _CLOCK,
    "discovery.dhcpwatch": _CLOCK,
    "discovery.discoveryround": _QUEUE,
    "discovery.squatter": _DERIVED,
    "events.cursor": "how far the histories were read",
    "events.deliverycursor": "how far events were delivered",
    "events.event": _LIST,
    "events.eventcount": _DERIVED,
    "events.mail": _QUEUE,
    "events.mailitem": _QUEUE,
    "events.openstate": _DERIVED,
    "events.webhookdelivery": _LIST,
    "ipam.rawchange": _QUEUE,
    "ipam.sighting": _EVIDENCE,
    "ipam.stamp": "tells a restored ledger; its changes are security events",
    "ipam.usageday": _DERIVED,
    "ipmanager.pulse": _CLOCK,
    "ipmanager.replay": _CACHE,
    "ipmanager.securityevent": _LIST,
    "otp_static.statictoken": "secret; the use of a code is a security event",
    "pxe.bootevent": _LIST,
    "pxe.bootpermit": "secret, for one boot; the boot is a boot event",
    "registry.call": _LIST,
    "registry.origin": _EVIDENCE,
    "registry.portlock": "a lock",
    "registry.unusual": _EVIDENCE,
    "sessions.session": "unused; sessions are in accounts_session",
}
