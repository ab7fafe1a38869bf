"""What the command line asks and answers: words as people type them, the parser, the answers.

What a command needs is imported when it runs, because SymPy is slow, and help, lists and refusals do without it.
"""
