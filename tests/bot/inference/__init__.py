"""Tests of bot/inference."""
