"""All networks at once, as a picture."""
