"""The console in which moderators work."""
