"""Generated parts of the documents: settings, metrics, bounds."""
