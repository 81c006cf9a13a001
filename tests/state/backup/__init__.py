"""Tests of state.backup."""
