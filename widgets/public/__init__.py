"""The labs for a class: many visitors, each apart from the others and within limits."""
