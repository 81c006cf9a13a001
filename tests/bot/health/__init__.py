"""Tests of bot.health."""
