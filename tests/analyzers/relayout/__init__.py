"""Tests of analyzers.relayout."""
