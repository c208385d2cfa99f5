"""Memory: every change in one log, any moment askable, every change undoable."""
