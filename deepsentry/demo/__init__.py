"""The demo: a small web shop, its traffic, and five faults that must be found."""
