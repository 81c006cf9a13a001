"""Tests of the Hub room."""
