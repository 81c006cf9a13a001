"""Tests of analyzers.sketch."""
