"""Words of the demo's mail: topics, greetings in the languages of its people, and short papers."""

VESSELS = ("MV Harbour Light", "MV Saltmarsh", "MV Aurelia", "MV Northern Quay", "MV Lantern", "MV Cormorant")
PORTS = (
    "Rotterdam",
    "Lagos Apapa",
    "Piraeus",
    "Yokohama",
    "Santos",
    "Gdańsk",
    "Constanța",
    "Busan",
    "Haiphong",
    "Reykjavík",
)
OUTSIDERS = (
    ("Nora Vance", "nora.vance@coldchain.example"),
    ("Piraeus Port Desk", "desk@piraeus-port.example"),
    ("Étienne Moreau", "e.moreau@assurances-moreau.example"),
    ("Customs Helpdesk", "help@customs-office.example"),
    ("Grünwald Logistik GmbH", "info@gruenwald-logistik.example"),
    ("Sato Trading", "orders@sato-trading.example"),
    ("Rivera & Hijos", "contacto@rivera-hijos.example"),
)
TOPICS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Booking {reference}: {count} reefers from {port}",
        (
            "Please book {count} reefer containers from {port} to {other_port}. Set point is two degrees, fresh fruit. The"
            " cargo is ready on Thursday; we need plugs at the terminal.",
            "Confirmed on {vessel}. Cut-off is Wednesday at 18:00, and plugs are reserved. Booking reference {reference}.",
            "Thank you. Two of the {count} will come a day later, the others are on the way.",
        ),
    ),
    (
        "Invoice {reference}",
        (
            "Attached you find our invoice over {amount} euros for the handling of {vessel} at {port}. Payment within"
            " 30 days, please.",
            "The invoice is right but for the pilot: we had agreed on a flat fee. Could you send a corrected one?",
            "You are right. The corrected invoice follows today.",
        ),
    ),
    (
        "Damage report {vessel}",
        (
            "During discharge at {port} one container was found with a broken seal. Photographs are attached, the surveyor"
            " comes tomorrow. Claim number {reference}.",
            "Thank you for the report. Please keep the container closed until the surveyor has seen it.",
            "The surveyor was here: water damage on three pallets, the rest is dry. Estimate {amount} euros.",
        ),
    ),
    (
        "Customs: papers for {reference}",
        (
            "The declaration for {reference} lacks the certificate of origin. Without it {count} containers stay in"
            " {port}.",
            "The certificate was issued yesterday. A copy is attached; the original travels with the driver.",
            "Received and released. Next time please send it with the first papers.",
        ),
    ),
    (
        "Berth at {port} next week",
        (
            "{vessel} arrives two days late because of the weather. Can we have the berth on Friday instead?",
            "Friday is taken until noon. From 14:00 berth 7 is yours.",
            "14:00 suits us. The pilot is ordered.",
        ),
    ),
    (
        "Minutes: contract with Grünwald",
        (
            "Short minutes. We agreed on a volume of {count} containers a month, a price review each spring, and a notice"
            " of three months. Legal looks at the liability clause until Monday.",
            "The liability clause needs a cap. A proposal follows; until then nothing should be signed.",
        ),
    ),
    (
        "Schedule {vessel}, spring",
        (
            "Here is the draft of the schedule: {port}, {other_port} and back in 31 days. Comments until the end of the"
            " week, please.",
            "Looks good. The canal slot is tight, one more day would be wise.",
        ),
    ),
    (
        "Lunch on Thursday?",
        ("The new place at the quay has opened. Thursday at half past twelve?", "Gladly. I book a table."),
    ),
)
GREETINGS: dict[str, tuple[str, str, str]] = {
    "": ("Dear {name},", "Kind regards,", ""),
    "olena": ("Добрий день, {name}!", "З повагою,", "Митні документи вже готові, оригінал надішлемо кур'єром."),
    "dmitri": ("Здравствуйте, {name}!", "С уважением,", "Прицеп прибудет в порт завтра утром."),
    "nikos": ("Καλημέρα {name},", "Με εκτίμηση,", "Το πλοίο δένει αύριο στον Πειραιά."),
    "eleni": ("Αγαπητέ {name},", "Φιλικά,", "Η ζημιά καταγράφηκε και ο φάκελος είναι πλήρης."),
    "hina": ("{name} 様", "よろしくお願いいたします。", "横浜港への到着は金曜日の予定です。"),
    "xiaoming": ("{name}，您好：", "此致敬礼", "集装箱明天从上海港出发。"),
    "seoyeon": ("{name} 님께,", "감사합니다.", "부산항 도착 일정이 하루 늦어졌습니다."),
    "layla": ("السلام عليكم {name}،", "مع أطيب التحيات،", "تم دفع الفاتورة هذا الصباح."),
    "yael": ("שלום {name},", "בברכה,", "החוזה מוכן לחתימה."),
    "ananya": ("नमस्ते {name},", "सादर,", "चालान की जाँच पूरी हो गई है।"),
    "hoa": ("Xin chào {name},", "Trân trọng,", "Hàng đã được xếp vào kho số ba."),
    "somchai": ("เรียน {name}", "ขอแสดงความนับถือ", "สินค้าถึงคลังแล้วเมื่อเช้านี้"),
    "chloe": ("Bonjour {name},", "Bien à vous,", "La brochure est prête, il ne manque que la couverture."),
    "lukasz": ("Dzień dobry {name},", "Pozdrawiam,", "Wagony będą w Gdańsku w środę."),
    "jose": ("Estimado {name}:", "Un saludo,", "El camión sale mañana del almacén de Valencia."),
    "ayse": ("Merhaba {name},", "Saygılarımla,", "Gemi boğazdan yarın sabah geçecek."),
}
NOTES: tuple[tuple[str, str], ...] = (
    (
        "Reefer checklist",
        "Before loading\n- set point agreed in writing\n- probe calibrated within 30 days\n- drains open\n\n"
        "At the terminal\n- plug in within two hours\n- note the temperature at arrival and at departure",
    ),
    (
        "Emergency contacts",
        "Harbour master: channel 12\nTugs: channel 8\nCustoms at night: ask the port desk\nSurveyor on duty: see the rota",
    ),
    (
        "Notes on demurrage",
        "Free time is five days. After that each container costs by the day. Reefers have three days, because plugs are"
        " scarce. Always ask for the gate-out time in writing.",
    ),
    (
        "Minutes of the safety meeting",
        "1. Two near misses on the quay, both with forklifts.\n2. New vests arrive in May.\n3. The drill is on the first"
        " Monday of each month.",
    ),
)
HTML_LETTER = (
    '<html><body><img src="cid:banner@mail.example" alt="Harbour &amp; Lane" width="360"><p>{text}</p>'
    '<table border="1" cellpadding="6" cellspacing="0"><tr><th align="left">Detail</th><th align="left">Value</th></tr>'
    '{rows}</table><p><font color="#666666">See <a href="https://www.harbourlane.example/terms">our terms</a>.</font></p>'
    '<img src="https://tracker.example/open.gif" width="1" height="1"></body></html>'
)
