"""The catalogue: what there is, described so that portals, harvesters and query editors find and grade it."""
