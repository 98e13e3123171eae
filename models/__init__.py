"""Everything that learns; importable without TensorFlow."""
