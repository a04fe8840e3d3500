"""One run: its session, the calls it makes, the money it may spend."""
