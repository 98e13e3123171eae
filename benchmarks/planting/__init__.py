"""Log lines with secrets that nobody owns: drawn at run time from a seed, valid by their check digits."""
