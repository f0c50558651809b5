"""Signal types, their runtime, and the model store."""
