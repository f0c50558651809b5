"""Sample posts drawn by the project, and loaders for posts in files. No data in git."""
