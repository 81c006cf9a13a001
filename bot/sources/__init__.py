"""Sources of an upload: the interface, a local folder, and code shared with the Hub."""
