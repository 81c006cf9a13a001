"""Traces that tools leave in files beside the weights."""
