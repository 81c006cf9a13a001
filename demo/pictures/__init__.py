"""Pictures of the documents, drawn from real payloads."""
