"""How a post is screened."""
