"""Networks and their training: the only importer of TensorFlow. A worker never loads this package."""
