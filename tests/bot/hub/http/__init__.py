"""Tests of bot.hub.http."""
