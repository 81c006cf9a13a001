"""A loopback Hub: addresses, redirects, storage, faults."""
