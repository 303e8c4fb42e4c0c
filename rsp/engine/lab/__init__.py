"""The lab: connections that are tampered with on purpose. Healthy ones never meet this code."""
