"""Raw records become clean entries: parts are joined, secrets masked, sequences named. Pure but for what waits."""
