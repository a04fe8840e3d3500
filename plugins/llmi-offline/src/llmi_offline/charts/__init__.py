"""The charts' code: short Python for the sandbox, written from facts, one look for all."""
