"""The plugin's version; a test compares it with the project's."""

VERSION = "0.1.0"
