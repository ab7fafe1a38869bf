"""A server for a room of learners: `sudo make workshop` starts it, `python -m workshop.load` tries it beforehand."""
