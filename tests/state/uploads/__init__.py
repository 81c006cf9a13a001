"""Tests of state.uploads."""
