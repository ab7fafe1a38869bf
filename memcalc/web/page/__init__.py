"""The page's side: the worker, and what makes a lesson's questions live."""
