"""The container image: made by `build`, proved by `prove`."""
