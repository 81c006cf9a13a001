"""Tests of bot.survey."""
