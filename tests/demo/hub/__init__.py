"""Tests of demo.hub."""
