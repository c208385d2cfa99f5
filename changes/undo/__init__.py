"""Undo of a line, a change, an import or a bulk action: plan, show, apply."""
