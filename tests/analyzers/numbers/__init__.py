"""Tests of analyzers.numbers."""
