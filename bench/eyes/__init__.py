"""One table over formats, layouts and disguises: what is found of blends, and what honest models under them get."""
