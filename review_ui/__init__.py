"""FastAPI: the machine-facing API, and the pages for people."""
