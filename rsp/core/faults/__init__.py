"""Faults on purpose: what there is, what each one takes, and what it does to the bytes."""
