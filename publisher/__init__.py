"""Publisher: Markdown posts in a folder become feeds and mailed issues.

Start reading at `docs/architecture.md`, or follow one post: `content` reads it,
`domain.selection` decides, `render` makes bytes, `mail` hands them over, and `services` lead it
through.
"""
