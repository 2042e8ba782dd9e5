"""What the surroundings tell the daemon, besides its settings."""

import os


def notify_address() -> str:
    """Where systemd listens for our states (sd_notify(3)); empty where nobody does."""
    return os.environ.get("NOTIFY_SOCKET", "")
