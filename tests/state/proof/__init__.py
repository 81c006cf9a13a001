"""Tests of state.proof."""
