"""First order motion at work: clips to learn from, training, and one picture moved by a video."""
