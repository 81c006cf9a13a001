"""Tests of state.evidence."""
