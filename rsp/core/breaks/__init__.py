"""Breakpoints: what may stop a session, read from text, and what is told of the stop."""
