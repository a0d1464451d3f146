"""Releases and the manifest: where the truth lies."""
