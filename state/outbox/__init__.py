"""The outbox: leases, digests, conditions of the operator."""
