"""Looks at finished bytes the way those do who receive them: bytes in, findings out.

`emails` knows what mail clients and filters do to a message, with `clients` for what each of them
can show. Nothing here changes what it looks at, opens a connection or reads a clock. May import
`domain` and `errors`.
"""
