"""The site: settings, routes, the pieces that every app may use. It owns no rule."""

__version__ = "0.1.0"
