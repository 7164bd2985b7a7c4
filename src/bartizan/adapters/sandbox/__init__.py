"""The sandbox: starting a server that nobody consented to, and fetching its package first."""
