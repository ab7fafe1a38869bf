"""What a user states: a model, a card, a run; checked, frozen, and able to give symbols their values."""
