"""Who is told: one module a kind of target, and the one place that builds them from the settings."""
