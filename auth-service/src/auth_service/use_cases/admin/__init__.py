"""Administrators' and operators' use cases."""
