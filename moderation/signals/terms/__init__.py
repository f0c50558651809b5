"""Term lists, what they mean, and how they are matched against normalised text."""
