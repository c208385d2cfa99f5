"""Plans: what a change of the ledger would do, shown before it is done, and then just that is done.

trial    work that is done and taken back, and that nobody waits for
effect   the rows that a change has changed
told     what dnsmasq would be told
renewing which clients have to ask for their lease again
verb     preview a change; apply it if it still does what was shown
"""
