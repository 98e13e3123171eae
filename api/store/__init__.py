"""What is kept: one small repository a collection; the driver stands in one module."""
