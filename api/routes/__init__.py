"""What can be asked, a module a thing."""
