"""Asking models their names that really learned them: small ones, trained here."""
