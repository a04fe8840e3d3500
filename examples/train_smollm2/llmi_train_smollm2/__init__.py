"""SmolLM2-135M-Instruct learns to illustrate: from its GGUF to documents before and after training, side by side."""
