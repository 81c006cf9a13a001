"""The append-only log of what was kept and said: a Merkle tree of digests, and its signed checkpoints."""
