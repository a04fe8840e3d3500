"""A request in, an episode followed, files out: what the command line, and whatever else runs documents, stands on."""
