"""What a policy is shown as good, or as better than something else: answers out of traces, and out of files."""
