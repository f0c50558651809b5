"""Pictures judged by transformers models that a registry entry describes."""
