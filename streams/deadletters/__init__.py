"""What could not be used: kept with its reason, looked at, brought back, and the brake where it becomes too much."""
