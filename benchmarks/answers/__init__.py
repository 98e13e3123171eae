"""An operator who answers alerts, and what becomes of the alerts that follow."""
