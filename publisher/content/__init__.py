"""Reads posts from disk: bytes in, `Post | Skipped | Failed` out; a file stops only itself.

May import `domain` and `errors`; only this folder knows python-frontmatter and the Markdown
library. Start with `loader`: the files of a `folder` go through `decoding`, `front_matter`
(`formats`, `repair`, `yaml_text`), `dialects`, `privacy` and `permalinks` (together `sources`),
then `markdown`, `sanitise`, `references` and `excerpts` (together `rendering`); `publication` says
what each became as of now. `workers` does that side by side, `cache` spares it, `writing` is the
other direction.
"""
