"""The database: the only place that knows SQLAlchemy. Rows never leave it; domain values do."""
