"""What strangers send and get."""
