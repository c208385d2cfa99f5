"""The site reduced to the pool for virtual machines: `manage.py ippool`."""
