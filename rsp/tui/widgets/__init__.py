"""The few widgets of the dashboard: they paint lines, and repaint only what changed."""
