"""From entries that are near to hits with a tier: candidates, recall by corners, and what outweighs what."""
