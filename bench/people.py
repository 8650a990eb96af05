"""Made-up people, the same for both servers: a phone authenticates as u100001 and is reached at 100001."""
import csv
import hashlib
import random

FIRST = "Ana Bruno Chloé Dmitri Elif Femi Gréta Hana Ivo Jasmine Kofi Lúcia Mateo Noor Oksana Priya Quentin Rosa".split()
LAST = "Abara Björk Castillo Dvořák Eze Ferrari Hoang Jansen Kowalska Lindqvist Müller Nakamura Pereira Quispe Rossi".split()
DEPARTMENTS = ["Sales", "Support, Tier 2", "Finance", "Front Desk"]


def extension(i):
    return str(100000 + i)


def secret(i):
    return hashlib.sha256(f"secret {i}".encode()).hexdigest()[:20]


def account(i):
    return {"extension": extension(i), "auth_name": f"u{extension(i)}", "secret": secret(i)}


def write_import(path, count, begin=0):
    """A file as Ringotel exports it, the columns and cells of a real one."""
    dice = random.Random(1 + begin)
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["name", "extension", "password", "username", "authname", "mobile", "phone", "company", "position",
                      "department"])
        for i in range(begin, begin + count):
            name = f"{dice.choice(FIRST)} {dice.choice(LAST)}"
            mobile = f"+1917555{100 + i % 100:04d}" if i % 5 == 0 else ""
            phone = f"+1212555{100 + i % 100:04d}" if i % 3 else ""
            user = account(i)["auth_name"]
            out.writerow([name, extension(i), secret(i), user, user, mobile, phone, "Example & Sons, Ltd.", "Engineer",
                          dice.choice(DEPARTMENTS)])


def write_sipp(path, count):
    """What SIPp reads: extension; its digest; the extension that it calls."""
    with open(path, "w") as file:
        file.write("SEQUENTIAL\n")
        for i in range(count):
            a, callee = account(i), extension((i + count // 2) % count)
            file.write(f"{a['extension']};[authentication username={a['auth_name']} password={a['secret']}];{callee}\n")


def write_kamailio(folder, count, realm):
    """A db_text table of HA1s for Kamailio's htable."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "version").write_text("table_name(string) table_version(int)\nhtable:2\n")
    with open(folder / "htable", "w") as file:
        file.write("id(int,auto) key_name(string) key_type(int) value_type(int) key_value(string) expires(int)\n")
        for i in range(count):
            a = account(i)
            ha1 = hashlib.md5(f"{a['auth_name']}:{realm}:{a['secret']}".encode()).hexdigest()
            file.write(f"{i}:{a['auth_name']}:0:0:{ha1}:0\n")
