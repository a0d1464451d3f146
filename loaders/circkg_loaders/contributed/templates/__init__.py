"""Templates of tables that contributors fill in, made from shapes, vocabularies and published things."""
