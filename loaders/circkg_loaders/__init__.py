"""How data come in: values, IRIs, tables, NUTS, links, and quads with their origin."""
