"""Fresh rollouts: the runner over the graph, to collect traces and to evaluate a policy; without torch."""
