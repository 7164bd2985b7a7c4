"""One file for each kind of source: raw records of a product to OCSF 1.8."""
