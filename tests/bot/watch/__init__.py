"""Tests of bot.watch."""
