"""Tests of the bot on Discord."""
