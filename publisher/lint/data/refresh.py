"""Makes `caniemail.json` anew from the full data of caniemail.com.

    python publisher/lint/data/refresh.py FULL.json

FULL.json is the site's data as it is published (`/api/data.json`), which the npm package
`caniemail` carries as `data/caniemail.json`. Keeps the clients below, the newest version of each,
and what they do not support: y = yes, a = partly, n = no, u = not known.
"""

import json
import sys
from pathlib import Path
from typing import Any

CLIENTS = {
    "apple-mail.macos": "Apple Mail",
    "apple-mail.ios": "Apple Mail iOS",
    "gmail.desktop-webmail": "Gmail",
    "gmail.ios": "Gmail iOS",
    "gmail.android": "Gmail Android",
    "outlook.windows": "Outlook classic",
    "outlook.outlook-com": "Outlook.com",
    "outlook.macos": "Outlook Mac",
    "outlook.ios": "Outlook iOS",
    "outlook.android": "Outlook Android",
    "yahoo.desktop-webmail": "Yahoo",
    "yahoo.ios": "Yahoo iOS",
    "yahoo.android": "Yahoo Android",
    "samsung-email.android": "Samsung Email",
    "thunderbird.macos": "Thunderbird",
    "protonmail.desktop-webmail": "Proton Mail",
    "fastmail.desktop-webmail": "Fastmail",
}
"""Key in the data -> name as a reader knows it, in the order of the letters."""


def compact(full: dict[str, Any]) -> str:
    """The table as JSON, one feature a line, so that a later diff can be read."""
    features = {
        feature["slug"]: [
            feature["title"].strip(),
            feature["last_test_date"][:7],
            "".join(_support(feature["stats"], client) for client in CLIENTS),
        ]
        for feature in sorted(full["data"], key=lambda feature: str(feature["slug"]))
    }
    lines = (f"{json.dumps(slug)}: {_line(row)}" for slug, row in features.items())
    return (
        "{\n"
        '"notice": "caniemail.com, MIT License, Copyright (c) 2019 Rémi Parmentier; see README",\n'
        f'"updated": {json.dumps(full["last_update_date"][:10])},\n'
        f'"clients": {_line(list(CLIENTS.values()))},\n'
        '"features": {\n' + ",\n".join(lines) + "\n}\n}\n"
    )


def _support(stats: dict[str, Any], client: str) -> str:
    """The letter of the newest version that was tested; its number is the last in the list."""
    family, platform = client.split(".")
    versions = stats.get(family, {}).get(platform, {})
    return str(list(versions.values())[-1])[0] if versions else "u"


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    source = Path(sys.argv[1]).read_text(encoding="utf-8")
    target = Path(__file__).with_name("caniemail.json")
    target.write_text(compact(json.loads(source)), encoding="utf-8")
