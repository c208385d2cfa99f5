"""The usher's screens: files, images, menus, who boots what, and what machines did."""

from pxe.admin import assignments, events, images, menus, servers

__all__ = ["assignments", "events", "images", "menus", "servers"]
