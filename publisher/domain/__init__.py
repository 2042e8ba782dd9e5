"""The rules of publishing, pure: values in, values out.

Here live the nouns (posts, newsletters, issues, subscribers, deliveries) and every decision about
them. Nothing here opens a file, reads a clock, logs or draws a random number; whatever depends on
the time takes `now`. Imports the standard library and `publisher.errors` only.
Start with `posts` and `selection`.
"""
