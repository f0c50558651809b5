"""Posts to screen: drawn samples, and loaders for a reader's own pictures. No data is kept in the repository."""
