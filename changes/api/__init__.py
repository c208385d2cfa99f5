"""The log in the REST API: `/api/v1/changes/`."""
