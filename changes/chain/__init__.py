"""The chain over the log: finished lines are sealed in segments, each with the hash of the former,
so that what is altered or removed afterwards is found and named."""
