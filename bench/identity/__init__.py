"""Asking models their names that really learned them: small ones, trained here, blended, and served under a template."""
