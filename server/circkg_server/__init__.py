"""How the graph goes out: build, releases, store, SPARQL endpoint, command line."""
