"""The one public door: routes, limits, the edge check, streaming."""
