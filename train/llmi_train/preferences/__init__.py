"""What supervised and preference training takes from traces: examples, pairs and labels; without torch."""
