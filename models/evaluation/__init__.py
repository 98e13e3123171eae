"""The honest benchmark: protocols, the simple detectors beside ours, figures, and a page that shows them. Pure."""
