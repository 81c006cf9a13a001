"""Tests of analyzers.verdict."""
