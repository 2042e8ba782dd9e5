"""Reads posts from disk: front matter, dialects, Markdown, excerpts.

Bytes in, `Post | Skipped | Failed` out; a file stops only itself. May import `domain` and
`errors`; only this folder knows python-frontmatter and the Markdown library. Start with `loader`.
"""
