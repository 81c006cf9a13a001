"""Tests of analyzers.fit."""
