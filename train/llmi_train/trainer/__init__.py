"""Training with torch, transformers and TRL; imported by the commands when they run, and by nothing else."""
