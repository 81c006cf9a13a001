"""The outbox: leases, digests, conditions for the operator."""
