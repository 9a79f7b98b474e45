"""The frame in which strangers' HTML is shown, and the policies under which bytes of strangers leave."""

import base64
import hashlib

from blueprints.headers import POLICY

FRAME_STYLE = (
    "html{color-scheme:light;background:#fff;color:#17211f}"
    "body{margin:16px;font:15px/1.55 -apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Noto Sans',sans-serif;"
    "overflow-wrap:anywhere}"
    "img{max-width:100%;height:auto}"
    "table{max-width:100%}"
    "pre{white-space:pre-wrap}"
    "blockquote{margin:0 0 0 8px;padding-left:12px;border-left:3px solid #cfd2c9;color:#46524e}"
    "a{color:#0e5a54}"
)
"""The one style of a framed mail. Mails bring none: their own styles were dropped, and none but this one is let in."""

_STYLE_HASH = base64.b64encode(hashlib.sha256(FRAME_STYLE.encode()).digest()).decode()

INERT_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""For bytes that are saved or shown as a picture: opened by themselves they run nothing and load nothing."""

FRAME_POLICY = (
    f"sandbox; default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'self';"
    " base-uri 'none'; form-action 'none'"
)
"""For a mail's HTML: pictures that came in the mail itself, our style, and nothing else. No script, no request, no form."""

PAGE_POLICY = f"{POLICY}; frame-src 'self'"
"""For the page around the frame."""


def frame_page(body: str) -> str:
    """The page in the frame: our style and the cleaned body, which `formats.html.safe_html` made."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Message</title>'
        f"<style>{FRAME_STYLE}</style></head><body>{body}</body></html>"
    )
