"""All servers as one endpoint: names, routes, merged lists and offers. Pure; `app/combined.py` sends."""
