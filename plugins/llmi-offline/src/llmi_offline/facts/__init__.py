"""What is computed from a table: frozen facts that prose and charts share."""
