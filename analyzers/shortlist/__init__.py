"""Selection of few candidates among very many known models."""
