"""Numbers of people: identity numbers, telephones, devices, places."""

from random import Random
from typing import Final

from benchmarks.planting import digits
from benchmarks.planting.digits import date, letters, remainder, weighted
from benchmarks.planting.kinds import DIGITS, UPPER, Kind, Value, grouped, number, some, whole

_SPAIN: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_FINLAND: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_ODD: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_GST: Final = DIGITS + UPPER


def _ssn(rng: Random) -> str:
    area = rng.choice([n for n in range(1, 900) if n != 666])
    return f"{area:03}-{rng.randrange(1, 100):02}-{rng.randrange(1, 10_000):04}"


def _twice(weights: tuple[int, ...], length: int) -> Value:
    """Return a draw with two check digits of Brazil's kind: weights, then one more in front of them."""

    def draw(rng: Random) -> str:
        body = some(rng, DIGITS, length - 2)
        for now in (weights[1:], weights):
            body += str(weighted(body, now[-len(body) :]) * 10 % 11 % 10)
        return body

    return draw


def _codice_fiscale(rng: Random) -> str:
    body = letters(rng, 6) + date(rng, "yy") + rng.choice("ABCDEHLMPRST") + f"{rng.randrange(1, 72):02}"
    body += rng.choice(UPPER) + some(rng, DIGITS, 3)
    values = [int(c) if c.isdigit() else UPPER.index(c) for c in body]
    total = sum(_ODD[value] if place % 2 == 0 else value for place, value in enumerate(values))
    return body + UPPER[total % 26]


def _dni(rng: Random) -> str:
    body = some(rng, DIGITS, 8)
    return body + _SPAIN[int(body) % 23]


def _nie(rng: Random) -> str:
    first, body = rng.randrange(3), some(rng, DIGITS, 7)
    return "XYZ"[first] + body + _SPAIN[int(f"{first}{body}") % 23]


def _nir(rng: Random) -> str:
    body = rng.choice("12") + date(rng, "yymm") + f"{rng.randrange(1, 96):02}" + some(rng, DIGITS, 6)
    return body + f"{97 - int(body) % 97:02}"


def _german_tax(rng: Random) -> str:
    """Ten digits of which one comes twice and one not at all, the first not 0, then MOD 11,10."""
    while True:
        chosen = rng.sample(DIGITS, 9)
        body = [*chosen, rng.choice(chosen)]
        rng.shuffle(body)
        if body[0] != "0":
            return digits.mod_11_10("".join(body))


def _hetu(rng: Random) -> str:
    day, serial = date(rng, "ddmmyy"), f"{rng.randrange(2, 900):03}"
    return f"{day}-{serial}{_FINLAND[int(day + serial) % 31]}"


def _belgian(rng: Random) -> str:
    body = date(rng) + f"{rng.randrange(1, 998):03}"
    return f"{body[:2]}.{body[2:4]}.{body[4:6]}-{body[6:]}.{97 - int(body) % 97:02}"


def _norwegian(rng: Random) -> str:
    while True:
        body = date(rng, "ddmmyy") + some(rng, DIGITS, 3)
        first = -weighted(body, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
        second = -weighted(f"{body}{first % 10}", (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        if first < 10 and second < 10:
            return f"{body}{first}{second}"


def _turkish(rng: Random) -> str:
    body = number(rng, 9)
    tenth = (7 * sum(map(int, body[0::2])) - sum(map(int, body[1::2]))) % 10
    return f"{body}{tenth}{(sum(map(int, body)) + tenth) % 10}"


def _swedish(rng: Random) -> str:
    plain = digits.luhn(date(rng) + some(rng, DIGITS, 3))
    return f"{plain[:6]}-{plain[6:]}"


def _inn(rng: Random) -> str:
    body = number(rng, 10)
    eleventh = weighted(body, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    twelfth = weighted(f"{body}{eleventh}", (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return f"{body}{eleventh}{twelfth}"


def _snils(rng: Random) -> str:
    body = number(rng, 9)
    check = weighted(body, (9, 8, 7, 6, 5, 4, 3, 2, 1)) % 101 % 100
    return f"{grouped(body, (3, 3), '-')} {check:02}"


def _gstin(rng: Random) -> str:
    body = f"{rng.randrange(1, 38):02}{letters(rng, 5)}{some(rng, DIGITS, 4)}{letters(rng, 1)}{rng.choice('123')}Z"
    total = 0
    for place, character in enumerate(body):
        high, low = divmod(_GST.index(character) * (1 + place % 2), 36)
        total += high + low
    return body + _GST[-total % 36]


def _china(rng: Random) -> str:
    body = number(rng, 6).replace("9", "3") + f"19{date(rng)}" + some(rng, DIGITS, 3)
    return body + "10X98765432"[weighted(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11]


def _korea(rng: Random) -> str:
    body = date(rng) + rng.choice("12") + some(rng, DIGITS, 5)
    return f"{body[:6]}-{body[6:]}{(11 - weighted(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10}"


def _nino(rng: Random) -> str:
    prefix = rng.choice(("AB", "CE", "HX", "JG", "LM", "PW", "SY", "WK"))
    plain = prefix + some(rng, DIGITS, 6) + rng.choice("ABCD")
    return rng.choice((plain, grouped(plain, (2, 2, 2, 2), " ")))


def _singapore(rng: Random) -> str:
    first, body = rng.choice("ST"), some(rng, DIGITS, 7)
    total = weighted(body, (2, 7, 6, 5, 4, 3, 2)) + (4 if first == "T" else 0)
    return f"{first}{body}{'JZIHGFEDCBA'[total % 11]}"


def _dea(rng: Random) -> str:
    body = some(rng, DIGITS, 6)
    check = sum(map(int, body[0::2])) + 2 * sum(map(int, body[1::2]))
    return f"{rng.choice('ABFGM')}{letters(rng, 1)}{body}{check % 10}"


def _ean(prefix: str, length: int) -> Value:
    def draw(rng: Random) -> str:
        body = prefix + some(rng, DIGITS, length - 1 - len(prefix))
        return body + str(-weighted(body, (1, 3) * 6) % 10)

    return draw


def _phone(rng: Random) -> str:
    return rng.choice(
        (
            f"+49 {rng.randrange(150, 180)} {number(rng, 7)}",
            f"+1{number(rng, 3)}{number(rng, 3)}{some(rng, DIGITS, 4)}",
            f"+44 20 {number(rng, 4)} {some(rng, DIGITS, 4)}",
            f"+33 {rng.randrange(1, 10)} {grouped(some(rng, DIGITS, 8), (2, 2, 2), ' ')}",
        )
    )


def _local_phone(rng: Random) -> str:
    return f"({number(rng, 3)}) {number(rng, 3)}-{some(rng, DIGITS, 4)}"


def _coordinate(rng: Random) -> str:
    return f"{rng.uniform(-89, 89):.6f}"


def _thai(rng: Random) -> str:
    body = rng.choice("12345678") + some(rng, DIGITS, 11)
    return body + str((11 - weighted(body, (13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11) % 10)


_NIP: Final = remainder(11, (6, 5, 7, 2, 3, 4, 5, 6, 7), lambda rest: rest)
_PESEL: Final = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)


def _pesel(rng: Random) -> str:
    body = date(rng) + some(rng, DIGITS, 4)
    return body + str(-weighted(body, _PESEL) % 10)


def _of(group: str, name: str, draw: Value, *labels: str) -> Kind:
    return Kind(name, group, whole(draw), labels)


def _person(name: str, draw: Value, *labels: str) -> Kind:
    return _of("national id", name, draw, *labels)


PEOPLE: Final = [
    _person("US SSN", _ssn),
    _person(
        "US SSN without dashes", lambda r: _ssn(r).replace("-", ""), "ssn", "customer_ssn", "social_security_number"
    ),
    _person(
        "US ITIN",
        lambda r: f"9{some(r, DIGITS, 2)}-{r.randrange(70, 89)}-{some(r, DIGITS, 4)}",
        "itin",
        "taxpayer_id",
        "user_itin",
    ),
    _person("US EIN", lambda r: f"{number(r, 2)}-{some(r, DIGITS, 7)}", "ein", "employer_id", "company_ein"),
    _person(
        "US NPI",
        lambda r: digits.luhn("80840" + r.choice("12") + some(r, DIGITS, 8))[5:],
        "npi",
        "national_provider",
        "doctor_npi",
    ),
    _person("US DEA", _dea, "dea", "dea_number", "prescriber_dea"),
    _person(
        "US passport", lambda r: letters(r, 1) + some(r, DIGITS, 8), "passport", "passport_no", "traveller_passport"
    ),
    _person(
        "Canadian SIN",
        lambda r: grouped(digits.luhn(number(r, 8)), (3, 3), " "),
        "sin",
        "social_insurance_number",
        "employee_sin",
    ),
    _person("Brazilian CPF", _twice((11, 10, 9, 8, 7, 6, 5, 4, 3, 2), 11), "cpf", "customer_cpf", "cpf_cliente"),
    _person(
        "Brazilian CNPJ", _twice((6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), 14), "cnpj", "supplier_cnpj", "cnpj_emissor"
    ),
    _person(
        "UK NHS number",
        remainder(11, (10, 9, 8, 7, 6, 5, 4, 3, 2), lambda rest: (11 - rest) % 11),
        "nhs",
        "nhs_number",
        "patient_nhs",
    ),
    _person("UK NINO", _nino),
    _person("German tax id", _german_tax, "steuer_id", "idnr", "tax_id", "taxId"),
    _person("Swiss AHV", _ean("756", 13)),
    _person("French NIR", _nir, "nir", "insee", "numero_nir"),
    _person("Spanish DNI", _dni, "dni", "cliente_dni", "documento_identidad"),
    _person("Spanish NIE", _nie, "nie", "cliente_nie", "nie_extranjero"),
    _person("Italian codice fiscale", _codice_fiscale),
    _person(
        "Dutch BSN",
        remainder(11, (9, 8, 7, 6, 5, 4, 3, 2), lambda rest: rest),
        "bsn",
        "burgerservicenummer",
        "patient_bsn",
    ),
    _person("Belgian national number", _belgian, "rijksregisternummer", "national_number", "insz", "klant_insz"),
    _person("Polish PESEL", _pesel, "pesel", "klient_pesel", "PESEL"),
    _person("Polish NIP", _NIP, "nip", "firma_nip", "nip_number"),
    _person("Swedish personnummer", _swedish, "personnummer", "pnr", "kund_pnr"),
    _person("Finnish HETU", _hetu),
    _person("Norwegian birth number", _norwegian, "fnr", "fodselsnummer", "kunde_fnr"),
    _person("Danish CPR", lambda r: f"{date(r, 'ddmmyy')}-{some(r, DIGITS, 4)}", "cpr", "cpr_number", "patient_cpr"),
    _person("Croatian OIB", lambda r: digits.mod_11_10(number(r, 10)), "oib", "korisnik_oib", "oib_broj"),
    _person("Turkish identity number", _turkish, "tckn", "tc_kimlik", "kimlik_no"),
    _person("Russian INN", _inn, "inn", "client_inn", "inn_code"),
    _person("Russian SNILS", _snils, "snils", "client_snils", "SNILS"),
    _person(
        "Indian Aadhaar",
        lambda r: grouped(digits.verhoeff(r.choice("23456789") + some(r, DIGITS, 10)), (4, 4), " "),
        "aadhaar",
        "aadhaar_no",
        "user_aadhaar",
    ),
    _person(
        "Indian PAN",
        lambda r: letters(r, 3) + r.choice("PCHF") + letters(r, 1) + some(r, DIGITS, 4) + letters(r, 1),
        "pan",
        "pan_card",
        "permanent_account_number",
    ),
    _person("Indian GSTIN", _gstin),
    _person("Chinese resident number", _china),
    _person("Korean resident number", _korea),
    _person(
        "Japanese My Number",
        remainder(11, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), lambda rest: 0 if rest < 2 else 11 - rest),
        "my_number",
        "mynumber",
        "kojin_bango",
    ),
    _person("Singaporean NRIC", _singapore, "nric", "uinfin", "customer_nric"),
    _person("Thai citizen id", _thai, "citizen_id", "thai_id", "national_id"),
    _person(
        "Australian TFN",
        remainder(11, (1, 4, 3, 7, 5, 8, 6, 9), lambda rest: rest),
        "tfn",
        "tax_file_number",
        "employee_tfn",
    ),
    _of("device", "IMEI", lambda r: digits.luhn(number(r, 14)), "imei", "device_imei", "imei1"),
    _of("health", "medical record number", lambda r: "MR" + some(r, DIGITS, 7), "mrn", "patient_id", "medical_record"),
    _of("location", "coordinates", _coordinate, "lat", "longitude", "lng"),
    _of("contact", "phone with country", _phone),
    _of("contact", "phone without country", _local_phone, "phone", "mobile_number", "tel", "customer_phone"),
]
