"""Turns values into text and bytes: feeds, digests, messages, pages.

Every function here gives equal bytes for equal input. May import `domain` and `errors`; only this
folder knows jinja2, feedgen and premailer. Start with `templates`.
"""
