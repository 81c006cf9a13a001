"""Builders of the objects that commands need, by what they are for; bot.build is their face."""
