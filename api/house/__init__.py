"""What changes when somebody asks: each change with its entry in the audit log."""
