"""One check: from an upload's first byte to a verdict and a report."""
