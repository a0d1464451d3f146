"""Curated data sets: CSV tables with a source in every row."""
