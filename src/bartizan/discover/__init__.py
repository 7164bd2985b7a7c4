"""What the collected facts mean: which clients, servers, agents, packages and credentials there are. Pure."""
