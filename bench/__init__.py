"""Every number the README gives, each from one command."""
