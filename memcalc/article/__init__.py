"""The article: its three tables, its claims and the cards of today."""
