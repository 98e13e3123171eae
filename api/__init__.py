"""The control plane: who may do what, which model runs, and how it got there. It speaks by topics."""
