"""A loopback Discord: HTTP interface, gateway, members, limits."""
