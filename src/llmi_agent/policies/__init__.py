"""Policies: the language models that write drafts, and the offline writer for when there is none."""
