"""Reports of evaluations: figures as JSON, tables, and one page to look at."""
