"""What `make bench*` run and print: real lines, a real broker, workers as an operator runs them."""
