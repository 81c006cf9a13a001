"""Stored numbers: rounding cells, quantized levels, packed blocks."""
