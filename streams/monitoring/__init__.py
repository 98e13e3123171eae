"""What a worker says of itself: its metrics, its health, its status, and what it waits for."""
