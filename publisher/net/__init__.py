"""The only outbound HTTP and DNS, guarded against requests that somebody else has aimed.

Start at `http.send` and at `dns.Resolver`. May import `domain` and `errors`.
"""
