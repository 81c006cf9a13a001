"""Proof for strangers: signed checkpoints, archives of cases, and their verification."""
