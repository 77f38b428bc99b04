"""The HTTP API: routers over the rooms below, one for each resource."""
