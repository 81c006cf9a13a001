"""Tests of analyzers.card."""
