"""Tests of public pages."""
