"""Jobs, leases, decisions and everything else that people do, in the database."""
