"""Fits of mixes: arithmetic, recipes, intervals, selection of parents, residuals."""
