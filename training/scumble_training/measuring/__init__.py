"""Measuring styles and enlargements; nothing here is trained against."""
