"""The site: settings, routes, the admin's own pages. It holds no rule, and no other room imports
it."""

__version__ = "0.2.0"
