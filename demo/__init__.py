"""The whole service on a small Hub of its own, on loopback, without network or keys."""
