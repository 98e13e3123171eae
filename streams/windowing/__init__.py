"""Which sequence a line belongs to, in event time, and when that is over. Pure."""
