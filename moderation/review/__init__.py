"""How people are given work, what they decide, and how they are kept well."""
