"""What `deepsentry bench` measures: real lines, a real broker, workers as an operator runs them."""
