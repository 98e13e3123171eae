"""The control plane: who may do what, which model runs, and how it got there. Thin: it speaks to the stream by topics."""
