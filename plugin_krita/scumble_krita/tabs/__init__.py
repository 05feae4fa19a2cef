"""The docker's tabs: each shows the model and tells it what a person did. No state of their own."""
