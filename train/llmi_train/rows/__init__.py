"""From traces to rows that a policy is trained on; none of it needs torch."""
