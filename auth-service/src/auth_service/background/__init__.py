"""Seeing signals off: the way to a receiver, and the threads that walk it."""
