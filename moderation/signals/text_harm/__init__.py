"""The text classifier: one encoder pass over caption, prompt and picture text, and what it takes to train it."""
