"""From a model's name to a chat model, and what can go wrong with it."""
