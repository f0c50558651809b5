"""The engine: sessions, exports, choices, batches, counts and peaks."""
