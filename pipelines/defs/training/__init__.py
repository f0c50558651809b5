"""What makes models."""
