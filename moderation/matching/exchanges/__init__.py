"""Clients of the exchanges, one module for each protocol. They fetch and tell; what is stored, `storage` decides."""
