"""The HTTP interface: one router a resource, every route authenticated unless it is named as open."""
