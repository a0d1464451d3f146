"""Pages for people who ask: the catalogue of questions, each question with its answer, and the page for SPARQL."""
