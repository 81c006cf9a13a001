"""Sketches: where tensors lie, what they are called, which weights are read, how they are kept."""
