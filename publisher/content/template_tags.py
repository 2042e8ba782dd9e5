"""Template tags as parser rules, so that code which shows them stays code.

A block rule reads pairs (`{% note %} … {% endnote %}`, `{{< details >}} … {{< /details >}}`), an
inline rule single tags and what is left of pairs that do not match. Nothing here aborts a post.
"""

import re
from bisect import bisect
from operator import itemgetter
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from publisher.content.tag_meanings import (
    Body,
    Link,
    Pair,
    Picture,
    Piece,
    Text,
    arguments,
    meaning_of,
    pair_of,
)

# Blanks have one place each where they are taken, for good: two that share a run try every way to
# part it. A tag may go over a line end behind its name and before its close.
_LATE_END = r"(?:\n\s{0,40}+)?"
_HEXO = (
    r"\{%-?\s*+(?P<end>end)?(?P<name>[A-Za-z_][\w-]*+)"
    rf"\s*+(?P<given>[^\n]{{0,800}}?){_LATE_END}-?%\}}"
)
_HUGO = (
    r"\{\{[<%]\s*+(?:(?P<close>/)\s*+)?(?P<tag>[A-Za-z_][\w/-]*+)"
    rf"\s*+(?P<args>[^\n]{{0,800}}?){_LATE_END}/?[>%]\}}\}}"
)
TAG = re.compile(f"{_HEXO}|{_HUGO}")
"""One tag: groups `name given end` for Hexo and Liquid, `tag args close` for Hugo."""

_LIQUID_OUTPUT = r"\{\{-?\s*(?:site|page|config|theme)\.[\w.]++\s*+(?:\|[^}\n]{0,400})?-?\}\}"
_LIQUID_ADDRESS = (
    r"\{\{-?\s*+(?:'([^'{}\n]{0,400}+)'|\"([^\"{}\n]{0,400}+)\")\s*+"
    r"(?:\|\s*+(?:relative_url|absolute_url|prepend:\s*+site\.(?:baseurl|url))\s*+){1,4}-?\}\}"
)
"""An address in quotes that Jekyll would put behind that of its site; in one of two groups."""

_LIQUID = re.compile(f"{_LIQUID_ADDRESS}|{_LIQUID_OUTPUT}")
_HTML_WITH_LIQUID = re.compile(rf"<[A-Za-z][\w-]*+(?:[^<>{{}}\n]++|{_LIQUID.pattern})*+>")
_TAG_SHAPE = r"\{%[^\n]{0,400}?%\}|\{\{[<%][^\n]{0,400}?[>%]\}\}|" + _LIQUID.pattern
_TAGGED_LINK = re.compile(
    rf"(?P<image>!?)\[(?P<text>[^\[\]\n]{{0,300}})\]\(\s*(?P<tag>(?>{_TAG_SHAPE}){{1,4}}+)"
    r"(?P<rest>[^\s()]{0,400}+)\s*+(?:\"(?P<title>[^\"\n]{0,300}+)\"\s*+)?\)"
)
_SIZED_IMAGE = re.compile(
    r"!\[(?P<text>[^\[\]\n]{0,300})\]\((?P<src>[^\s()]++)(?:\s+\"[^\"\n]*\")?\s+"
    r"=(?:\d{1,5}%?)?(?:x(?:\d{1,5}%?)?)?\s*\)"
)
MAX_DEPTH = 16


def read_template_tags(parser: MarkdownIt) -> None:
    """Adds the rules to a parser."""
    parser.block.ruler.before(
        "table", "template_pair", _pair, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.inline.ruler.before("escape", "template_tag", _single)
    parser.inline.ruler.before("escape", "tagged_link", _tagged_link)
    parser.inline.ruler.before("escape", "liquid_html", _liquid_html)


def without_tags(html: str, env: Any) -> str:
    """Raw HTML with its template tags replaced by what they say as text or as an address."""

    def replaced(found: re.Match[str]) -> str:
        name, given, is_end = _parts(found)
        piece = None if is_end else meaning_of(name, arguments(given))[0]
        match piece:
            case Text(text=text):
                return text
            case Picture(src=src):
                return f'<img src="{src}">'
            case Link(href=href, is_post=True):
                return str(env["library"].post(href) or "")
            case Link(href=href):
                return href
            case _:
                return ""

    return _LIQUID.sub(_said_in_liquid, TAG.sub(replaced, html)) if "{" in html else html


def _said_in_liquid(found: re.Match[str]) -> str:
    """The address in quotes; nothing for a value of the site or the page."""
    return found[1] or found[2] or ""


def _parts(found: re.Match[str]) -> tuple[str, str, bool]:
    """Name, what is given, and whether it ends a pair."""
    if found["tag"] is not None:
        name = found["tag"].rstrip("/").rsplit("/", 1)[-1]
        return name, found["args"], found["close"] is not None
    return found["name"], found["given"], found["end"] is not None


def _pair(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    opener = _tag_line(state, start)
    if opener is None or state.env.get("is_raw") or state.is_code_block(start):
        return False
    name, given, is_end = _parts(opener)
    last = None if is_end else _end_of(state, name, start, end)
    if last is None:
        return False
    if silent:
        return True
    pair, is_known = pair_of(name, arguments(given))
    if not is_known:
        _doubt(state.env, start, name)
    _push_pair(state, pair, start + 1, last)
    state.line = last + 1
    return True


def _tag_line(state: StateBlock, line: int) -> re.Match[str] | None:
    """The tag that is all of a line."""
    first, last = state.bMarks[line] + state.tShift[line], state.eMarks[line]
    return (
        TAG.fullmatch(state.src[first:last].rstrip()) if state.src.startswith("{", first) else None
    )


def _end_of(state: StateBlock, name: str, start: int, end: int) -> int | None:
    """The line that ends the pair which begins at `start`."""
    depth, events = 1, _events(state).get(name, [])
    for place in range(bisect(events, start, key=itemgetter(0)), len(events)):
        line, step = events[place]
        depth += step
        if depth == 0:
            return line if line < end else None
        if depth > MAX_DEPTH:
            return None
    return None


def _events(state: StateBlock) -> dict[str, list[tuple[int, int]]]:
    """Name of a pair -> its lines and whether each begins (+1) or ends (-1) one; made once."""
    events: dict[str, list[tuple[int, int]]] | None = state.env.get("tag_lines")
    if events is None:
        events, ends = {}, set()
        for line in range(len(state.bMarks) - 1):
            if found := _tag_line(state, line):
                name, _, is_end = _parts(found)
                events.setdefault(name, []).append((line, -1 if is_end else 1))
                if is_end:
                    ends.add(name)
        events = {name: lines for name, lines in events.items() if name in ends}
        state.env["tag_lines"] = events
    return events


def _push_pair(state: StateBlock, pair: Pair, first: int, last: int) -> None:
    match pair.body:
        case Body.CODE:
            token = state.push("fence", "code", 0)
            token.info, token.map = pair.language, [first - 1, last + 1]
            token.content = state.getLines(first, last, state.sCount[first - 1], True)
        case Body.QUOTE:
            state.push("blockquote_open", "blockquote", 1).block = True
            _push_words(state, pair.title, "strong", first)
            _tokenize(state, first, last)
            _push_words(state, f"— {pair.source}" if pair.source else "", "", last)
            state.push("blockquote_close", "blockquote", -1).block = True
        case Body.DETAILS:
            state.push("details_open", "details", 1).block = True
            state.push("summary_open", "summary", 1).block = True
            _push_inline(state, pair.title or "…", first)
            state.push("summary_close", "summary", -1).block = True
            _tokenize(state, first, last)
            state.push("details_close", "details", -1).block = True
        case Body.RAW:
            with_raw = len(state.tokens)
            state.env["is_raw"] = True
            _tokenize(state, first, last)
            state.env["is_raw"] = False
            for token in state.tokens[with_raw:]:
                token.meta["is_raw"] = True
        case Body.MARKDOWN:
            _tokenize(state, first, last)


def _tokenize(state: StateBlock, first: int, last: int) -> None:
    """Reads the lines of a pair's inside as Markdown."""
    held, state.lineMax = state.lineMax, last
    state.md.block.tokenize(state, first, last)
    state.lineMax = held


def _push_words(state: StateBlock, text: str, tag: str, line: int) -> None:
    if not text:
        return
    state.push("paragraph_open", "p", 1).map = [line, line]
    if tag:
        text = f"**{text}**"
    _push_inline(state, text, line)
    state.push("paragraph_close", "p", -1)


def _push_inline(state: StateBlock, text: str, line: int) -> None:
    token = state.push("inline", "", 0)
    token.content, token.map, token.children = text, [line, line], []


def _single(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith(("{%", "{{"), state.pos) or state.env.get("is_raw"):
        return False
    found = TAG.match(state.src, state.pos) or _LIQUID.match(state.src, state.pos)
    if found is None:
        return False
    end = found.end()
    if found.re is TAG:
        name, given, is_end = _parts(found)
        if name.lower() == "raw" and not is_end and (closer := _end_of_raw(state, end)):
            if not silent:
                state.push("text", "", 0).content = state.src[end : closer.start()]
            state.pos = closer.end()
            return True
        if not silent and not is_end:
            piece, is_known = meaning_of(name, arguments(given))
            if not is_known and not pair_of(name, arguments(given))[1]:
                _doubt(state.env, None, name)
            _push_piece(state, piece)
    elif not silent and (address := _said_in_liquid(found)):
        state.push("text", "", 0).content = address
    state.pos = end
    return True


_END_RAW = re.compile(r"\{%-?\s*+endraw\s*+-?%\}")


def _end_of_raw(state: StateInline, start: int) -> re.Match[str] | None:
    """The tag that ends what is raw from `start` on; what has no more is not searched again."""
    text, endless = state.env.get("endless", ("", 0))
    if text == state.src and start >= endless:
        return None
    closer = _END_RAW.search(state.src, start)
    if closer is None:
        state.env["endless"] = state.src, start
    return closer


def _push_piece(state: StateInline, piece: Piece) -> None:
    match piece:
        case Text(text=text):
            state.push("text", "", 0).content = text
        case Picture(src=src, alt=alt):
            _push_image(state, src, alt)
        case Link(href=href, text=text, is_post=is_post):
            target = state.env["library"].post(href) if is_post else href
            if is_post and target is None:
                _missing(state.env, href)
            _push_link(state, target or "", text or (href if not is_post or not target else target))
        case None:
            pass


def _push_link(state: StateInline, href: str, text: str, *, title: str = "") -> None:
    if not href:
        state.push("text", "", 0).content = text
        return
    token = state.push("link_open", "a", 1)
    token.attrs = {"href": href, **_titled(title)}
    state.push("text", "", 0).content = text
    state.push("link_close", "a", -1)


def _push_image(state: StateInline, src: str, alt: str, *, title: str = "") -> None:
    token = state.push("image", "img", 0)
    token.attrs = {"src": src, "alt": "", **_titled(title)}
    token.content = alt
    child = type(token)("text", "", 0)
    child.content = alt
    token.children = [child]


def _titled(title: str) -> dict[str, str]:
    return {"title": title} if title else {}


def _tagged_link(state: StateInline, silent: bool) -> bool:
    """`[text]({% post_path x %})`, `![](a.png =100x)`: destinations that Markdown cannot read."""
    if state.src[state.pos] not in "[!":
        return False
    if found := _SIZED_IMAGE.match(state.src, state.pos):
        if not silent:
            _push_image(state, found["src"], found["text"])
    elif found := _TAGGED_LINK.match(state.src, state.pos):
        if not silent:
            target = without_tags(found["tag"], state.env) + found["rest"]
            pushed = _push_image if found["image"] else _push_link
            pushed(state, target, found["text"], title=found["title"] or "")
    else:
        return False
    state.pos = found.end()
    return True


def _liquid_html(state: StateInline, silent: bool) -> bool:
    """`<img src="{{ "/a.png" | relative_url }}">`, which is no HTML before Liquid has read it."""
    found = state.src[state.pos] == "<" and _HTML_WITH_LIQUID.match(state.src, state.pos)
    if not found or "{{" not in found[0]:
        return False
    if not silent:
        state.push("html_inline", "", 0).content = _LIQUID.sub(_said_in_liquid, found[0])
    state.pos = found.end()
    return True


def _doubt(env: Any, line: int | None, name: str) -> None:
    """Names a tag that is not known: a pair on its line, a single one where we are."""
    outcome = "nothing stands in its place" if line is None else "what stood inside was kept"
    env["doubt"](
        env.get("line", 0) if line is None else line,
        f"the tag {name!r} is not known; {outcome}",
        "write it in Markdown",
    )


def _missing(env: Any, name: str) -> None:
    env["doubt"](
        env.get("line", 0), f"links to {name!r}, and there is no such post", "mend the link"
    )
