"""Term lists and their matching."""
