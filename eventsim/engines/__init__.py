"""The engines: one readable reference, one for any topology, one for batches of feed-forward networks."""
