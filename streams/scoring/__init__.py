"""Sequences are judged, and a strange one becomes an anomaly: the step, its texts, the version that judges."""
