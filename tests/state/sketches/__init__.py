"""Tests of state.sketches."""
