"""What a run is told to do, layer by layer."""
