"""The registry of known models: files, entries, editing."""
