"""Trains the text classifier: rows in, a folder out that the model store can serve. The only place that needs torch."""
