"""LLMI tool `llmi_sketch`: labelled placeholder art, drawn from the prompt's words."""
