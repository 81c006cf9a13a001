"""Pure functions of values: bytes, dicts and arrays in, frozen values out."""
