"""What the banks know: entries, their facts, and the live view of them that a matcher reads."""
