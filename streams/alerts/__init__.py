"""Anomalies become alerts, and alerts reach people: grouping and life cycle are pure, notifiers are shell."""
