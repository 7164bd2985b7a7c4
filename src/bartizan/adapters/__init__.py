"""The world: disk, processes, network, databases, sandboxes. Each implements a port."""
