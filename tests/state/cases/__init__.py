"""Tests of state.cases."""
