"""Sources of an upload: the interface, a local folder, and what both read alike."""
