"""The login: password, second step, and the limits on guessing."""
