"""Uploads that hold a known model's matrices under other names, transposed, reordered or scaled."""
