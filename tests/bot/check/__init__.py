"""Tests of bot.check."""
