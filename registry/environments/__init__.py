"""Environments: look one up, create the first ones, configure one, templates for common setups."""
