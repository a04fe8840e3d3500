"""The parts of a report: each turns facts into paragraphs and figures, or into nothing."""
