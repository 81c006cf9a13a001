"""All I/O: the Hub, Discord, the clock, the command line, and the composition root."""
