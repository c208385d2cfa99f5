"""Pages of the past, read-only: /admin/past/."""
