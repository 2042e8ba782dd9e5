"""Edge two, who asks: the pages, the feeds and the built-in inbox over HTTP.

A handler parses, makes one call in the thread pool, and answers. Only this folder knows
Starlette. Start with `app`.
"""
