"""Public pages: what the alerts made public, as static HTML."""
