"""The inventory as a graph: paths, reach, and the controls that cut them."""
