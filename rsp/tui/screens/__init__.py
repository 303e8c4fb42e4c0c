"""One file for each screen and each dialog."""
