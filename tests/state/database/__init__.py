"""Tests of state.database."""
