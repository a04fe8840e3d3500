"""Whether a judge can be trusted."""
