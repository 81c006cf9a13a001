"""The Discord bot: what it posts in rooms, and what it answers members. Everything it must remember is in `state`."""
