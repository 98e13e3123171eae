"""The commands, a module for each group; like __main__ they may know every room."""
