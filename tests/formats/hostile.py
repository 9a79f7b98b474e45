"""Messages, mbox files and pages as strangers write them, made on demand and the same in every run."""

import base64
import encodings
import pkgutil
from encodings.aliases import aliases

UNKNOWN_LABELS = (
    "default", "default_charset", "chinesebig5", "gb2312_charset", "unknown-8bit", "x-unknown", "", "utf-8'en", "\u00e9",
    "x" * 5000, "../../etc/passwd", "base64", "zlib", "rot13", "unicode_escape", "idna", "punycode", "undefined", "mbcs",
    "hex", "charmap", "string_escape", "utf-8\0",
)  # fmt: skip
SENTENCE = "Grüße, żółć, Ωμέγα, привет, שלום, مرحبا, 東京, ไทย"


def codec_labels():
    """Every name under which this Python knows a codec, text or not."""
    found = set(aliases) | set(aliases.values()) | {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    return sorted(found - {"aliases"})


def text_in(label):
    """A sentence in that charset as far as it holds one; else bytes of every value."""
    try:
        data = SENTENCE.encode(label, "replace")
    except (LookupError, UnicodeError, TypeError, AttributeError, ValueError):
        return bytes(range(256))
    return data if isinstance(data, bytes) else bytes(range(256))


def in_charset(label):
    """A message whose subject, name, file name and body carry that label."""
    data, tag = text_in(label), label.encode("utf-8", "replace")
    packed = base64.b64encode(data)
    word = b"=?" + tag + b"?b?" + packed + b"?="
    return (
        b"From: " + word + b" <sender@example.org>\r\nTo: reader@example.org\r\nSubject: " + word + b"\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <" + tag[:50].replace(b"\0", b"") + b"@example.org>\r\n"
        b'Content-Type: text/plain; charset="' + tag + b'"; name*=' + tag + b"''%E9%FF\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + packed + b"\r\n"
    )


def nested(depth):
    """Multiparts within multiparts, with a text at the bottom."""
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (number, number) for number in range(depth)
    )
    closing = b"".join(b"\n--b%d--\n" % number for number in reversed(range(depth)))
    return b"Subject: deep\n" + opening + b"Content-Type: text/plain\n\nat the bottom\n" + closing


def nested_messages(depth):
    """A message in a message in a message."""
    return b"Subject: outer\nContent-Type: message/rfc822\n\n" * depth + b"Subject: innermost\n\nhere\n"


def with_attachment(size_bytes):
    """A message with one attachment of that size, in base64 lines of 76."""
    data = bytes(range(256)) * (size_bytes // 256 + 1)
    packed = base64.encodebytes(data[:size_bytes])
    return (
        b"Subject: large\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=xx\n\n--xx\n\nSee the file.\n--xx\n"
        b"Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=large.bin\n"
        b"Content-Transfer-Encoding: base64\n\n" + packed + b"--xx--\n"
    )


def many_parts(count):
    """A multipart of that many texts."""
    return b"Subject: many\nContent-Type: multipart/mixed; boundary=xx\n\n" + b"--xx\n\nhello\n" * count + b"--xx--\n"


DELIVERY_REPORT = (
    b"From: MAILER-DAEMON@example.org\nTo: sender@example.org\nSubject: Undelivered Mail Returned to Sender\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=rr\n\n--rr\nContent-Description: Notification\n"
    b"Content-Type: text/plain\n\nYour message could not be delivered.\n--rr\nContent-Type: message/delivery-status\n\n"
    b"Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; nobody@example.org\nAction: failed\nStatus: 5.1.1\n"
    b"--rr\nContent-Type: message/rfc822\n\nFrom: sender@example.org\nTo: undisclosed-recipients:;\nSubject: the original\n\n"
    b"Original text\n--rr--\n"
)
IN_MESSAGE = (
    b"Subject: outer\nContent-Type: multipart/mixed; boundary=oo\n\n--oo\n\nForwarded.\n--oo\nContent-Type: message/rfc822\n"
    b"Content-Disposition: attachment; filename=inner.eml\n\nSubject: inner\nContent-Type: multipart/mixed; boundary=ii\n\n"
    b"--ii\n\nInner text\n--ii\nContent-Type: text/csv; name=a.csv\n\n1,2\n--ii--\n\n--oo--\n"
)
ALTERNATIVE = (
    b"Subject: two\nContent-Type: multipart/alternative; boundary=aa\n\n--aa\nContent-Type: text/plain\n\nplain words\n--aa\n"
    b"Content-Type: text/html\n\n<p>rich words</p><script>steal()</script>\n--aa--\n"
)


def hostile_messages():
    """(name, bytes) of messages that break what writers and readers of mail assume."""
    simple = b"From: a@example.org\nTo: b@example.org\nSubject: simple\nDate: Tue, 24 Nov 2026 10:00:00 +0000\n\nBody\n"
    found = [(f"charset {label[:40]!r}", in_charset(label)) for label in (*codec_labels(), *UNKNOWN_LABELS)]
    return [
        *found,
        ("empty", b""),
        ("one line end", b"\n"),
        ("only a blank CRLF", b"\r\n\r\n"),
        ("no headers", b"Just a text.\nAnd more: of it.\n\nEnd.\n"),
        ("no headers and no line end", b"text"),
        ("only headers", b"Subject: alone"),
        ("no blank line", b"Subject: hasty\nThis is the body already.\nMore\n"),
        ("CRLF", simple.replace(b"\n", b"\r\n")),
        ("CR only", simple.replace(b"\n", b"\r")),
        ("CR CR LF", simple.replace(b"\n", b"\r\r\n")),
        ("LF CR", simple.replace(b"\n", b"\n\r")),
        ("mixed ends", b"Subject: mixed\r\nFrom: a@example.org\nTo: b@example.org\rCc: c@example.org\r\n\nBody\r\nmore\rend\n"),
        ("only CR", b"\r" * 5000),
        ("only LF", b"\n" * 5000),
        ("BOM", b"\xef\xbb\xbf" + simple),
        ("blank lines first", b"\r\n\r\n" + simple),
        ("continuation first", b" folded\nSubject: after it\n\nBody\n"),
        ("leading From line", b"From a@example.org Tue Nov 24 10:00:00 2026\n" + simple),
        ("mangled From line", b"From - Tue Nov 24 10:00:00 2026\n>From - Tue Nov 24 10:00:00 2026\n" + simple),
        ("mangled From line in the middle", simple.replace(b"Subject", b">From - Tue Nov 24 10:00:00 2026\nSubject")),
        ("From in the body", simple + b"\nFrom here on: text\n>From there\n>>From beyond\nFrom: a header?\n"),
        ("line of 998", b"Subject: " + b"x" * 989 + b"\n\n" + b"y" * 998 + b"\n"),
        ("line of 5000", b"Subject: " + b"x" * 5000 + b"\n\n" + b"y" * 100_000 + b"\n"),
        ("NUL in headers and body", b"Subject: a\0b\nFrom: \0@example.org\nX\0Y: z\n\nbody\0text\n"),
        ("only NUL", b"\0" * 1000),
        ("8-bit headers in UTF-8", "Subject: Grüße 東京\nFrom: Jürgen <j@example.org>\n\nGrüße\n".encode()),
        ("8-bit headers in Latin-1", "Subject: Grüße\nFrom: Jürgen <j@example.org>\n\nGrüße\n".encode("latin-1")),
        ("8-bit names of headers", b"S\xfcbject: x\nSubject: y\n\nz\n"),
        ("bad base64", b"Subject: =?utf-8?b?abc?= =?utf-8?b?!!!?=\nContent-Transfer-Encoding: base64\n\nQUJDR\n@@@@\nA===QUJD\n"),
        ("bad quoted-printable", b"Subject: =?utf-8?q?=ZZ=C3?=\nContent-Transfer-Encoding: quoted-printable\n\n=ZZ=C3=\n=\n=A"),
        ("bad uuencode", b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n#0V%T\n%%%%\nM\n\xff\xff\nend\n"),
        ("unknown encoding", b"Content-Transfer-Encoding: rot13\n\nobql\n"),
        ("split characters", b"Subject: =?utf-8?b?5p2x5Lo=?=\n =?utf-8?b?rOmDvQ==?=\n\nx\n"),
        ("word with language", b"Subject: =?utf-8*de?q?Gr=C3=BC=C3=9Fe?=\n\nx\n"),
        ("half surrogates in UTF-7", b"Content-Type: text/plain; charset=utf-7\nSubject: =?utf-7?q?+2AA-?=\n\n+2AA-\n"),
        ("delivery report", DELIVERY_REPORT),
        ("eml in eml", IN_MESSAGE),
        ("alternative", ALTERNATIVE),
        ("only HTML", b"Subject: h\nContent-Type: text/html\n\n<style>p{}</style><p>Seen<br>words</p>"),
        ("unclosed multipart", b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\ntext\n--x\nContent-Type: image/png\n\n\x89PNG"),
        ("no boundary", b"Content-Type: multipart/mixed\n\n--x\n\ntext\n--x--\n"),
        ("empty boundary", b'Content-Type: multipart/mixed; boundary=""\n\n--\n\ntext\n----\n'),
        ("same boundary inside", b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x--\n--x--\n"),
        ("boundary at the end", b"Content-Type: multipart/mixed; boundary=x\n\n--x"),
        ("bad content type", b'Content-Type: ;;;=="\nContent-Disposition: ;filename\n\ntext\n'),
        ("continued names", b"Content-Type: application/pdf; name*0*=utf-8''%e6%9d; name*1*=%b1.pdf\nContent-Disposition: attachment; filename*2=c; filename*0=a; filename*1=b\n\n%PDF-"),
        ("path as a name", b'Content-Type: text/plain; name="../../etc/passwd"\nContent-Disposition: attachment; filename="C:\\\\x\\\\y.exe"\n\nx\n'),
        ("group addresses", b'To: undisclosed-recipients:;\nCc: team: a@example.org, "B, C" <bc@example.org>;, d@example.org\n\nx\n'),
        ("broken addresses", b'From: <<a@b>, (((((, "unclosed\nTo: @, <>, ,,,;;::, a b c@d e\n\nx\n'),
        ("comments in comments", b"From: " + b"(" * 20_000 + b"a@example.org\n\nx\n"),
        ("many recipients", b"To: " + b", ".join(b"u%d@example.org" % number for number in range(20_000)) + b"\n\nx\n"),
        ("many headers", b"".join(b"X-%d: %d\n" % (number, number) for number in range(20_000)) + b"\nx\n"),
        ("long headers", b"Subject: s\n" + b"X-Long: " + b"y" * 2**21 + b"\n\nx\n"),
        ("headers twice", b"Subject: first\nSubject: second\nFrom: a@example.org\nFrom: b@example.org\nDate: x\nDate: y\n\nx\n"),
        *[(f"date {date!r}", b"Date: " + date + b"\n\nx\n") for date in DATES],
        ("100 deep", nested(100)),
        ("1,000 deep", nested(1_000)),
        ("messages 1,000 deep", nested_messages(1_000)),
        ("2,000 parts", many_parts(2_000)),
        ("every byte", bytes(range(256)) * 20),
        ("picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10),
    ]  # fmt: skip


DATES = {
    b"Tue, 24 Nov 2026 10:00:00 +0100": "2026-11-24T09:00:00+00:00",
    b"24 Nov 26 10:00 EST": "2026-11-24T15:00:00+00:00",
    b"Fri, 1 Jan 99 00:00:00 GMT": "1999-01-01T00:00:00+00:00",
    b"Tue, 24 Nov 2026 10:00:00": "2026-11-24T10:00:00+00:00",
    b"Tue, 24 Nov 2026 10:00:60 +0000": "2026-11-24T10:00:59+00:00",
    b"2026-11-24T10:00:00Z": "2026-11-24T10:00:00+00:00",
    b"Tue Nov 24 10:00:00 2026": "2026-11-24T10:00:00+00:00",
    b"Tue, 24 Nov 0001 10:00:00 +0000": None,
    b"Tue, 24 Nov 9999 23:59:59 -2300": None,
    b"Tue, 24 Nov 20266 10:00:00 +0000": None,
    b"Tue, 32 Nov 2026 10:00:00 +0000": None,
    b"yesterday": None,
    b"": None,
    b"Tue, 24 Nov " + b"9" * 5000 + b" 10:00:00 +0000": None,
    b"Tue, 24 Nov 2026 10:00:00 +99999999": "2026-11-24T10:00:00+00:00",
}
"""Date headers, and the moment that is meant (None: none that can be believed)."""
