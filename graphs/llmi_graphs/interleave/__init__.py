"""The interleaved document: open, plan, a slot subgraph per picture, compose."""
