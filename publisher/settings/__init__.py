"""Settings: config.toml and the environment become one frozen value, or a list of every problem.

Only this folder reads `os.environ`. `schema` says what may be set, `locate` finds a key's line,
`load` puts it together, `secrets` reads what must not stand in a file that others can read.
"""

from publisher.settings.environment import notify_address
from publisher.settings.load import load_settings, masked
from publisher.settings.schema import NewsletterSettings, RelaySettings, Settings, SmtpSettings
from publisher.settings.secrets import create_site_key, read_site_keys, rotate_site_key

__all__ = [
    "NewsletterSettings",
    "RelaySettings",
    "Settings",
    "SmtpSettings",
    "create_site_key",
    "load_settings",
    "masked",
    "notify_address",
    "read_site_keys",
    "rotate_site_key",
]
