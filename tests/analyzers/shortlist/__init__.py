"""Tests of analyzers.shortlist."""
