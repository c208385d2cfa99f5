"""The log in the admin: /admin/changes/."""
