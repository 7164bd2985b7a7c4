"""The graph of assets: what reaches what, which control cuts most, and what if it were gone. Pure and in memory."""
