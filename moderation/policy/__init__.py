"""Declarative policy: typed documents, conditions as SQL predicates, three-valued and fail-closed."""
