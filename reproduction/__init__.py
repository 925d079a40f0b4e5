"""Published results, made again: one module for each paper or dataset, each with a function `run`."""
