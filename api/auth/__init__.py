"""Who somebody is: passwords, codes, tokens, keys."""
