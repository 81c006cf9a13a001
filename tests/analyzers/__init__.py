"""Tests of analyzers."""
