"""llmi-vllm: models on vLLM and servers like it, as policies that say what they have sampled."""
