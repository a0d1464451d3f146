"""Engines: who evaluates a query. Readers are processes that can be killed, have no network and a bounded memory."""
