"""The admin of network boot: files, images, menus, assignments, and the boot events."""

from pxe.admin import assignments, events, images, menus, servers

__all__ = ["assignments", "events", "images", "menus", "servers"]
