"""Writes a judgement: for a terminal, as JSON, Turtle, CSV, as a page, and into the contributor's own workbook."""
