"""What the Hub and the network may do to a watch, and that it loses nothing by it."""
