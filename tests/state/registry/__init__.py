"""Tests of state.registry."""
