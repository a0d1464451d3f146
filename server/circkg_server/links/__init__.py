"""Links outward: which addresses elsewhere the graph names, and whether they lead somewhere."""
