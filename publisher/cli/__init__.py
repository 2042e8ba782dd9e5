"""Edge two, who asks: the commands, one file a noun, no logic.

stdout is data, stderr is words. Start with `main`.
"""
