"""Tests of analyzers.identity."""
