"""Edge one, when: what wakes the services.

APScheduler is an alarm clock and decides nothing. Start with `local`.
"""
