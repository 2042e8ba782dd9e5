"""Template tags degrade to what they say; code that shows them stays code."""

import pytest

from publisher.content.rendering import Rendering, render
from tests.factories import make_options, make_text

HEAD = "---\ntitle: T\ndate: 2025-01-02 03:04:05\n---\n"
KNOWN = {"other": "https://example.org/other/"}


def rendered(body: str) -> Rendering:
    found = render(make_text(HEAD + body), make_options(), KNOWN)
    assert isinstance(found, Rendering)
    return found


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("{% post_link other 文 %}", '<a href="https://example.org/other/">文</a>'),
        ("{% post_link other %}", '<a href="https://example.org/other/">https://example.org/other/</a>'),
        ("{% post_link gone 文 %}", "文"),
        ("{% link 文 https://e.com/a %}", '<a href="https://e.com/a">文</a>'),
        ("{% btn https://e.com/a,文,icon %}", '<a href="https://e.com/a">文</a>'),
        ("{% youtube x1 %}", '<a href="https://www.youtube.com/watch?v=x1">'),
        ("{{< youtube x1 >}}", '<a href="https://www.youtube.com/watch?v=x1">'),
        ('{{< figure src="//e.com/a.png" caption="c" >}}', 'src="https://e.com/a.png" alt="c"'),
        ("{% img https://e.com/a.png 300 200 \"t 'a'\" %}", 'src="https://e.com/a.png" alt="a"'),
        ("{% youtube https://e.com/v %}", '<a href="https://e.com/v">'),
        ("{{< gist spf13 7896402 >}}", '<a href="https://gist.github.com/spf13/7896402">'),
        ('{{< gist spf13 789 "a.go" >}}', '<a href="https://gist.github.com/spf13/789">'),
        ("{% gist user/7af a.rb %}", '<a href="https://gist.github.com/user/7af">'),
        ("{% gist 7af a.rb %}", '<a href="https://gist.github.com/7af">'),
        ("{% codepen ann VwLgP dark %}", '<a href="https://codepen.io/ann/pen/VwLgP">'),
        ('{{< codepen user="ann" id="Vw" >}}', '<a href="https://codepen.io/ann/pen/Vw">'),
        ('{{< codepen id="Vw" >}}', '<a href="https://codepen.io/Vw">'),
        ("{% codepen VwLgP dark %}", '<a href="https://codepen.io/VwLgP">'),
        ("{% codepen ann/pen/VwLgP %}", '<a href="https://codepen.io/ann/pen/VwLgP">'),
        ("{% label 文 blue %}", "<p>文</p>"),
        ("![a]({{ site.url }}{{ site.baseurl }}/a.png)", 'src="https://example.org/a.png" alt="a"'),
        ("![a]({{ '/a.png' | relative_url }})", 'src="https://example.org/a.png" alt="a"'),
        ('![a]({{ "/a.png" | prepend: site.baseurl | prepend: site.url }})', 'org/a.png" alt="a"'),
        ('![a]({{ site.baseurl }}/a.png "t")', 'src="https://example.org/a.png" alt="a" title="t"'),
        ('[a]({{ "/b/" | relative_url }} "t")', '<a href="https://example.org/b/" title="t">a</a>'),
        ("[a]({{ site.baseurl }}{% post_url other %})", '<a href="https://example.org/other/">a</a>'),
        ('[a]({{ "/b/" | absolute_url }}#c)', '<a href="https://example.org/b/#c">a</a>'),
        ("at {{ '/b/' | relative_url }}", "<p>at /b/</p>"),
        ("{{ '/b/' | upcase }}", "{{ '/b/' | upcase }}"),
        ("`{{ '/b/' | relative_url }}`", "<code>{{ '/b/' | relative_url }}</code>"),
        ("<img src=\"{{ '/a.png' | relative_url }}\" alt='a'>", 'src="https://example.org/a.png"'),
        ('x <img src="{{ "/a.png" | relative_url }}"> y', 'x <img src="https://example.org/a.png"'),
        ('<img src="{{ "/a.png" | relative_url }}">', '<img src="https://example.org/a.png"'),
        ('<p><a href="{{ "/b/" | relative_url }}">c</a></p>', '<a href="https://example.org/b/">c'),
        ("{% raw %}{{ x }} {% y %}{% endraw %}", "<p>{{ x }} {% y %}</p>"),
        ("{{ site.title }}a", "<p>a</p>"),
        ("{{ variable }}", "<p>{{ variable }}</p>"),
        ("`{% note %}`", "<code>{% note %}</code>"),
        ("    {% note %}", "{% note %}"),
        ("```\n{% endnote %}\n```", "{% endnote %}"),
        ("{% note %}\n**b**\n{% endnote %}", "<blockquote>\n<p><strong>b</strong></p>\n</bl"),
        ("{% hideToggle 题 %}\nb\n{% endhideToggle %}", "<summary>题</summary>"),
        ("{{< details >}}\nb\n{{< /details >}}", "<details>"),
        ("{% codeblock lang:js %}\nlet a;\n{% endcodeblock %}", 'class="language-js">let a;'),
        ("{% blockquote A, B %}\nq\n{% endblockquote %}", "<p>— A, B</p>"),
        ("{% what %}\ninner\n{% endwhat %}", "<p>inner</p>"),
        ("a {% what %} b", "<p>a  b</p>"),
        ("<b>{% label 文 %}</b>", "<b>文</b>"),
        ("{% label\n  文 %}", "<p>文</p>"),
        ("{% label 文\n  %}", "<p>文</p>"),
        ("{{< youtube x1 />}}", '<a href="https://www.youtube.com/watch?v=x1">'),
        ("{%label 文-%}", "<p>文</p>"),
        ("[{% raw %}{{ x }}{% endraw %} {% raw %} y", "[{{ x }}"),
        ("![a](https://e.com/a.png =50%x)", 'src="https://e.com/a.png" alt="a"'),
    ],
)  # fmt: skip
def test_a_tag_becomes_what_it_says(body: str, html: str) -> None:
    assert html in rendered(body).body.html


@pytest.mark.parametrize(
    "body",
    ["{% note %}", "{% endnote %}", "{% note %}\n{% endtab %}", "{% a b", "{{< a", "{%%}", "{{<>}}",
     "{% raw %}", "{% endraw %}", "{% note %}\n" * 40 + "{% endnote %}\n" * 40],
)  # fmt: skip
def test_no_tag_that_has_no_other_half_aborts_a_post(body: str) -> None:
    assert rendered(f"before\n\n{body}\n\nafter").body.html.startswith("<p>before")
    assert "after" in rendered(f"before\n\n{body}\n\nafter").body.html


@pytest.mark.parametrize(
    ("body", "line", "outcome"),
    [
        ("a\n\n{% what x %}", 7, "nothing stands in its place"),
        ("{% what %}\nb\n{% endwhat %}", 5, "what stood inside was kept"),
    ],
)
def test_a_tag_that_is_not_known_is_named_with_its_line(body: str, line: int, outcome: str) -> None:
    (warned,) = rendered(body).warnings
    assert warned.problem == f"the tag 'what' is not known; {outcome}"
    assert warned.line == line


def test_the_inside_of_a_pair_is_one_tree() -> None:
    html = rendered(
        "{% tabs a %}\n<!-- tab 甲 -->\n- one\n<!-- endtab -->\n{% endtabs %}"
    ).body.html
    assert html.count("<strong>甲</strong>") == 1
    assert "<li>one</li>" in html
