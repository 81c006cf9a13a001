"""One check of an upload: from its first byte to a verdict and a report."""
