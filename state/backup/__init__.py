"""Backups of the data folder: write, restore, retention."""
