"""Tests of analyzers.traces."""
