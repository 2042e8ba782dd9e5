"""The only SMTP: one connection to a relay, and the built-in inbox.

Knows nothing of the database: whoever sends is told what to do before the final dot. May import
`domain` and `errors`. Start with `client`.
"""
