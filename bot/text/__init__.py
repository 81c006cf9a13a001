"""Text for people: sanitising of hostile text, catalogues of sentences."""
