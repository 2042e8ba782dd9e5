"""The only outbound HTTP and DNS, guarded against requests that somebody else has aimed.

Start at `http.request`. May import `domain` and `errors`.
"""
