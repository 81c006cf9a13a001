"""Evidence from first sight, stored by content, and its expiry."""
