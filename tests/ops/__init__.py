"""Tests of what surrounds the service."""
