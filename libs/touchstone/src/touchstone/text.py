"""One-line text, such as names and identifiers: one rule for the library and all services."""

import re
import unicodedata

# Control characters (Cc), line and paragraph separators (Zl, Zp), surrogates (Cs), and the bidirectional embeddings,
# overrides and isolates, which change how the text around them is shown (UAX #9 sections 2.1 to 2.5). Other format
# characters belong to words: joiners of Persian, Sinhala and emoji, left-to-right and right-to-left marks.
_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BLANKS = (
    " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


def is_line(text: str) -> bool:
    """Return whether the text is one line without control characters, surrogates and bidirectional overrides."""
    # `isprintable` is the fast path: it is false for all refused characters, and for others
    return text.isprintable() or _REFUSED.search(text) is None


def is_blank(text: str) -> bool:
    """Return whether the text is empty or has only spaces, control and format characters."""
    return all(unicodedata.category(character) in _INVISIBLE for character in text)


def trimmed(text: str) -> str:
    """Return the text without spaces (Zs and the tab) at its ends; line breaks stay, and `is_line` refuses them."""
    return text.strip(_BLANKS)


def without_controls(text: str) -> str:
    """Return the text without the characters that `is_line` refuses."""
    return _REFUSED.sub("", text)
