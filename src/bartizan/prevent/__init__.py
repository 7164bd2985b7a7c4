"""Prevention: guards judge each call in time to matter. Pure: the time and every fact come in as arguments."""
