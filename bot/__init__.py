"""What does I/O: the Hub, Discord, the clock, the command line, and the one place that builds things."""
