"""What stands around every page: how the site is, and which VRF and site one looks at.

health_dot  the worst of what the worker has found, in one query
place       the page on which a VRF and a site are chosen
urls        where it is, below /admin/
"""
