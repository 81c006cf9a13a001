"""Comparison of a suspect with known models: kinship, aligned weights, the case that every analyzer gets."""
