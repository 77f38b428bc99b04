"""What goes over the wire, as pydantic models: the API reads and writes them, the client too."""
