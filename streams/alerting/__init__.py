"""Shell around `streams.alerts`: anomalies are raised as alerts, and each target is told."""
