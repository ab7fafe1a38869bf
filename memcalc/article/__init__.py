"""The article: its three tables, its claims, the cards of today, and the files of figures/."""
