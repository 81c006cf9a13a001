"""Tests of state.outbox."""
