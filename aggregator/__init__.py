"""The federation: one model from many sites, and no line leaves any of them."""
