"""The gateway's reading of both legs, without I/O: a client's request in, a server's answer out."""
