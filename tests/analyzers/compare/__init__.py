"""Tests of analyzers.compare."""
