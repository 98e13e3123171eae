"""What operators do with datasets, jobs, models, anomalies: each change with its entry in the audit log."""
