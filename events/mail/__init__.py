"""Events as mail, at once or as a daily digest, as each person prefers."""
