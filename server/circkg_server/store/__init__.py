"""Snapshots: what is queried, made from releases and deletable at any time."""
