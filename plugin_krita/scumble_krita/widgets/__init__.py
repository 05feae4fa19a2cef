"""Small widgets of the docker: they show a value and say when a person changed it, nothing more."""
