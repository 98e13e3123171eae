"""The kernel: what every room shares. It imports no room."""

__version__ = "0.1.0"
