"""Pages for people: one layout, one place that renders."""
