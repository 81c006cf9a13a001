"""A null of the Hub: honest uploads in real shapes, judged by the whole watch."""
