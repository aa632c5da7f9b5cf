"""What holds for every result that is shown, whatever it is and whatever it is called."""

import base64
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pandas as pd
import pytest

from exp_jupyter.display import page

ALLOWED_TAGS = {
    "div",
    "span",
    "b",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "img",
    "details",
    "summary",
    "pre",
    "code",
    "del",
    "ins",
}
# What JupyterLab keeps of an inline style in an untrusted notebook, as far as it is used here.
KEPT_PROPERTIES = {
    "background",
    "border",
    "border-bottom",
    "border-collapse",
    "border-left",
    "border-radius",
    "border-top",
    "box-sizing",
    "caption-side",
    "color",
    "cursor",
    "display",
    "font-family",
    "font-size",
    "font-weight",
    "height",
    "line-height",
    "margin",
    "margin-top",
    "max-width",
    "min-width",
    "opacity",
    "overflow",
    "overflow-x",
    "padding",
    "position",
    "table-layout",
    "text-align",
    "text-decoration",
    "vertical-align",
    "white-space",
    "width",
}
DROPPED_WITHOUT_HARM = {"font-variant-numeric"}
VOID = {"img"}
FORBIDDEN = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)} - {"\n"}
FORBIDDEN |= set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
CONTROLS = f"a{'a'.join(sorted(FORBIDDEN))}z"


class Reader(HTMLParser):
    """Collect the elements of a page and see that they nest."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.children: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.children.append((self.open[-1] if self.open else "", tag))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def pictures(reader: Reader) -> list[str]:
    prefix = "data:image/svg+xml;base64,"
    sources = [image["src"] or "" for image in reader.all("img")]
    assert all(source.startswith(prefix) for source in sources)
    return [base64.b64decode(source.removeprefix(prefix)).decode() for source in sources]


def test_html_uses_only_what_survives_an_untrusted_notebook(hostile):
    reader = Reader(hostile.to_html())
    for tag, attributes in reader.elements:
        assert tag in ALLOWED_TAGS
        assert set(attributes) <= {"style", "scope", "colspan", "alt", "width", "height", "src"}
        for declaration in filter(None, (attributes.get("style") or "").split(";")):
            assert declaration.split(":")[0] in KEPT_PROPERTIES | DROPPED_WITHOUT_HARM


def test_html_sets_no_background_colour(sample):
    for _, attributes in Reader(sample.to_html()).elements:
        assert set(re.findall(r"background[^:]*:([^;]*)", attributes.get("style") or "")) <= {
            "none"
        }


def test_a_hostile_name_stays_text_in_html(hostile):
    html = hostile.to_html()
    reader = Reader(html)
    assert "<script" not in html
    assert "onerror" not in " ".join(str(a.keys()) for _, a in reader.elements)
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_pictures_are_well_formed_and_carry_no_code(hostile):
    for source in pictures(Reader(hostile.to_html())):
        tree = ET.fromstring(source)
        tags = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in tree.iter()}
        assert tags <= {"svg", "line", "rect", "circle", "text", "path", "polygon", "polyline"}
        assert not any(key.startswith("on") for element in tree.iter() for key in element.attrib)
        assert "nan" not in source
        assert "inf" not in source


def test_a_hostile_name_cannot_steer_a_terminal(hostile):
    text = hostile.to_text()
    assert not set("\x1b\u202e\r\t\x07") & set(text)


def test_no_control_character_of_a_name_reaches_any_form(build):
    shown = build(CONTROLS)
    forms = (shown.to_text(), shown.to_html(), shown.to_markdown(), page(shown).title, repr(shown))
    drawn = pictures(Reader(shown.to_html()))
    for text in (*forms, *drawn):
        assert not FORBIDDEN & set(text)
    for source in drawn:
        ET.fromstring(source)


def test_a_hostile_name_makes_no_markup_in_markdown(hostile):
    outside_code = re.sub(r"(`+).*?\1", "", hostile.to_markdown(), flags=re.DOTALL)
    assert "<script" not in outside_code
    assert "<img" not in outside_code


def test_tables_can_be_read_by_ear(sample):
    reader = Reader(sample.to_html())
    tables = len(reader.all("table"))
    assert reader.children.count(("table", "caption")) == tables
    assert all(cell.get("scope") in {"col", "row", "rowgroup"} for cell in reader.all("th"))
    assert all((image.get("alt") or "").strip() for image in reader.all("img"))


def test_text_is_at_most_100_columns_and_has_no_loose_ends(sample):
    lines = sample.to_text().splitlines()
    assert lines
    assert max(map(len, lines)) <= 104
    assert all(line == line.rstrip() for line in lines)
    assert lines[-1]


def test_the_same_object_is_shown_the_same_way(build):
    first, second = build("New checkout"), build("New checkout")
    assert first.to_text() == second.to_text()
    assert first.to_html() == second.to_html()
    assert first.to_markdown() == second.to_markdown()
    assert json.dumps(page(first).to_data()) == json.dumps(page(second).to_data())


def test_nothing_is_ever_nan_to_a_reader(sample):
    for shown in (sample.to_text(), sample.to_html(), sample.to_markdown()):
        read = re.sub(r"base64,[^\"]*|'nan'|&#x27;nan&#x27;", "", shown)  # a statement's literal
        assert not re.search(r"\b(nan|None|inf)\b", read)


def test_a_page_weighs_little(sample):
    assert len(sample.to_html().encode()) <= 30_000
    data = page(sample).to_data()
    assert len(json.dumps(data)) <= 40_000
    assert len(json.dumps(data["page"], ensure_ascii=False).encode()) <= 30_000


def test_data_says_what_it_is(sample):
    data = page(sample).to_data()
    assert set(data) == {"kind", "title", "result", "page"}
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", data["kind"])
    json.dumps(data, allow_nan=False)


def test_frames_hold_numbers_not_written_numbers(sample):
    frame = sample.to_frame()
    assert isinstance(frame, pd.DataFrame)
    for column in set(frame.columns) - {"before", "after"}:  # a plan's words, as given
        cells = [cell for cell in frame[column] if isinstance(cell, str)]
        assert not any(re.fullmatch(r"[+−-]?[\d,.]+ %", cell) for cell in cells), column


def test_the_mimes_are_always_the_same(sample):
    assert set(sample._repr_mimebundle_()) == {
        "text/plain",
        "text/html",
        "application/vnd.exp-jupyter.result+json",
    }


@pytest.mark.parametrize("words", ["no effect", "no difference", "statistically significant"])
def test_nothing_claims_more_than_is_known(sample, words):
    assert words not in sample.to_text().lower()
