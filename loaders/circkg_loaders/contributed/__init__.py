"""What people contribute: tables and RDF, read into triples that know where they come from."""
