"""How fast messages are composed: joined from ready segments, beside the usual ways, in one run.

    python bench/messages.py [COUNT]

The digest of the sample site is composed for COUNT recipients (10,000 by default) by
`render.messages`, and a tenth of them signed (DKIM) as well; a fifth of a per cent by EmailMessage
from the standard library, by Jinja2 and EmailMessage, and by Jinja2, premailer and EmailMessage for
each. Every way makes a whole message with the recipient's own links, on one core. Prints messages
a second, and how many times as fast as Jinja2 and EmailMessage that is.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from time import perf_counter
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

from publisher.content import loader
from publisher.content.loader import ContentOptions
from publisher.domain.newsletters import latest
from publisher.mail.dkim import Key, generate_ed25519, generate_rsa, load_key, sign
from publisher.render.digest import Digest, Edition, personal, render_digest
from publisher.render.messages import Letter, Recipient, compile_body, compose
from publisher.render.templates import Templates
from publisher.services import pictures
from tests.factories import make_newsletter, make_site

USUAL = "Jinja2, EmailMessage each"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def main(count: int) -> None:
    """Measures and prints."""
    templates, site, newsletter = Templates(), make_site(), make_newsletter(language="zh-CN")
    options = ContentOptions(
        folder=Path(__file__).parents[1] / "content",
        dialect="hexo",
        zone=site.zone,
        base_url=site.base_url,
        language="zh-CN",
    )
    posts = loader.load(options, now=NOW).posts

    def render() -> Digest:
        edition = Edition(
            site=site,
            newsletter=newsletter,
            period=latest(newsletter.schedule, NOW),
            posts=posts,
            nonce="0123456789abcdef",
            pictures=pictures.sizes(posts),
        )
        return render_digest(templates, edition)

    digest = render()
    letter = Letter(
        site=site,
        newsletter=newsletter,
        issue="W:2026-W47",
        subject=digest.subject,
        body=compile_body(digest),
    )

    def joined(recipient: Recipient) -> bytes:
        return compose(letter, recipient, date=NOW)

    def signed_with(*keys: Key) -> Callable[[Recipient], bytes]:
        def signed(recipient: Recipient) -> bytes:
            message = joined(recipient)
            return sign(message, keys, at=NOW) + message

        return signed

    def by_email_message(recipient: Recipient) -> bytes:
        return _email_message(digest, recipient)

    def by_templates(recipient: Recipient) -> bytes:
        return _email_message(render(), recipient)

    def uninlined(_templates: Templates, _folder: str, html: str) -> str:
        return html

    print(f"{len(joined(_recipient(0))):,} bytes a message, {len(posts)} posts")
    rsa = load_key(generate_rsa(), domain="example.org", selector="r")
    ed25519 = load_key(generate_ed25519(), domain="example.org", selector="e")
    some, slow = max(50, count // 10), max(5, count // 500)
    rates = {
        "joined (Publisher)": _rate(joined, count),
        "joined, signed Ed25519": _rate(signed_with(ed25519), some),
        "joined, signed RSA-2048": _rate(signed_with(rsa), some),
        "joined, signed with both": _rate(signed_with(rsa, ed25519), some),
        "EmailMessage each": _rate(by_email_message, slow),
        "Jinja2, premailer, EmailMessage each": _rate(by_templates, max(3, slow // 5)),
    }
    with patch("publisher.render.digest.inline", uninlined):
        rates[USUAL] = _rate(by_templates, slow)
    print(f"{count:,} composed in {count / rates['joined (Publisher)']:.2f} s")
    for name, rate in sorted(rates.items(), key=lambda item: -item[1]):
        print(f"{name:<40} {rate:>10,.1f} messages/s   x {rate / rates[USUAL]:,.1f}")


def _email_message(digest: Digest, recipient: Recipient) -> bytes:
    slots = {"name": recipient.name, "unsubscribe": recipient.unsubscribe_url}
    message = EmailMessage()
    message["From"] = "Lighthouse <letters@example.org>"
    message["To"] = f"{recipient.name} <{recipient.address}>"
    message["Subject"] = digest.subject
    message["Message-ID"] = f"<{recipient.message_id}@example.org>"
    message["List-Unsubscribe"] = f"<{recipient.unsubscribe_url}>"
    message.set_content(personal(digest.text, digest.nonce, slots, escaped=False), cte="base64")
    html = personal(digest.html, digest.nonce, slots, escaped=True)
    message.add_alternative(html, subtype="html", cte="base64")
    return message.as_bytes()


def _recipient(number: int) -> Recipient:
    return Recipient(
        address=f"reader{number}@example.org",
        name=f"Reader {number}",
        message_id=f"1.{number:024x}",
        unsubscribe_url=f"http://localhost:8080/u/1{number}abcdefghijklmnopqrstuv",
        preferences_url="https://letters.example.org/p/token",
    )


def _rate(work: Callable[[Recipient], bytes], count: int) -> float:
    recipients = [_recipient(number) for number in range(count)]
    work(recipients[0])
    started = perf_counter()
    for recipient in recipients:
        work(recipient)
    return count / (perf_counter() - started)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
