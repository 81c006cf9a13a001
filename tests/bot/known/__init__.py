"""Tests of bot.known."""
