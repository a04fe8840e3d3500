"""What every room may use: errors, secrets, logs, text."""
