"""Comparisons of rsp with HAProxy and nginx, on the same work, in one go."""
