"""Who is in a story: a hero, a friend, a newcomer, a grown-up and an elder, with their pronouns.

Each role r (h, f, n, g, o) gives the facts {r}, {r.he}, {r.him}, {r.his}, {r.self}, {r.kind},
{r.the}, {r.hand} and {r.hands}; {he}, {him}, {his} and {self} are the hero's. {f} and {o.new} say
who it is at the first mention ("her friend Tom"); {f.name} and {o} are the bare names.
"""

from collections.abc import Callable

from kit.given import people
from kit.given.grammar import plural

PRONOUNS = (("she", "her", "her", "herself"), ("he", "him", "his", "himself"))
PERSONS = (people.GIRLS.split(), people.BOYS.split())
ANIMALS = (people.SHE_ANIMALS.split(), people.HE_ANIMALS.split())
HEROES, ELDERS, JOBS = people.HEROES.split(), people.ELDERS.split(), people.JOBS.split()
SURNAMES = people.SURNAMES.split()
SERIES = [line.split() for line in people.SERIES.strip().splitlines()]
OUT = tuple(
    [line.split(" | ") for line in places.strip().splitlines()]
    for places in (people.CHILD_PLACES, people.WOOD_PLACES)
)
LANDS = tuple(lands.strip().splitlines() for lands in (people.CHILD_LANDS, people.WOOD_LANDS))
HOMES = (("house", "house", "home"), ("burrow", "den", "house", "little house"))
OLD = (
    "old",
    "kind",
    "wise",
    "gentle",
    "busy",
    "friendly",
    "gray-haired",
    "quiet",
    "clever",
    "jolly",
)
MOTHERS = (("Mama", "mother"), ("Mom", "mom"), ("Grandma", "grandmother"), ("Nana", "grandmother"))
FATHERS = (("Papa", "father"), ("Dad", "dad"), ("Grandpa", "grandfather"), ("Daddy", "father"))
GROWN = (
    (*MOTHERS, ("Mommy", "mother"), ("Granny", "grandmother"), ("Aunt {}", "aunt")),
    (*FATHERS, ("Pop", "grandfather"), ("Uncle {}", "uncle")),
)
FAMILY = ((MOTHERS[1], MOTHERS[2]), (FATHERS[1], FATHERS[2]))  # of the series
FRIENDS = ("friend", "best friend", "cousin", "neighbor")  # an animal has the first of them only
KIN = ((*FRIENDS, "big sister", "little sister"), (*FRIENDS, "big brother", "little brother"))
MICE = {"mouse": "mice", "dormouse": "dormice"}
LITTLE = ("little", "young", "small")
HANDS = {"hand": "hands", "paw": "paws", "wing": "wings", "hoof": "hooves", "foot": "feet"}
WINGED = {"owl", "goose", "heron", "crow", "pelican", "stork", "turkey", "swan"}
HOOFED = {"deer", "donkey", "goat", "sheep", "horse", "moose"}


def cast(random: Callable[[], float], world: int, series: bool = False) -> dict:
    """The facts of a new story: five characters and where they live.

    In a series they are the same few every time, and all children and people.
    """

    def pick(options):
        return options[int(random() * len(options))]

    hero = int(random() < 0.5)  # 0 a she, 1 a he; pronouns are clearer if most others differ
    genders = [hero] + [1 - hero if random() < 0.7 else hero for _ in range(4)]
    h, f, g, o, n = _series(genders) if series else _names(pick, world, genders)
    facts = {"clear": hero not in genders[1:4], "land": pick(LANDS[world])}
    facts["out"], facts["out.at"] = pick(OUT[world])
    facts["home"], hand = pick(HOMES[world]), ("hand", "paw")[world]
    for role, name, gender in (("h", h, hero), ("f", f, genders[1]), ("n", n, genders[4])):
        kind = pick(HEROES) if world else ("girl", "boy")[gender]
        facts |= _facts(role, name, gender, kind, f"the {pick(LITTLE)} {kind}", hand)
    facts |= {key: facts[f"h.{key}"] for key in ("he", "him", "his", "self")}
    facts["h.kinds"] = MICE.get(facts["h.kind"]) or plural(facts["h.kind"])
    known, kin = pick((FAMILY if series else GROWN)[genders[2]])
    facts |= _facts("g", known.format(g), genders[2], kin, f"{facts['his']} {kin}", hand)
    job = pick(ELDERS if world else JOBS)
    hand = "wing" if job in WINGED else "hoof" if job in HOOFED else hand
    facts |= _facts("o", o, genders[3], job, f"the {job}", hand)
    facts["o.new"] = _introduction("o.new", f"a~ {pick(OLD)} {job} named {o}", o)
    friend = f"{f} the {facts['f.kind']}" if world else f
    if not world or random() < 0.5:
        friend = f"{facts['his']} {pick(KIN[genders[1]][: 1 if world else None])} {friend}"
    return facts | {"f.name": f, "f": _introduction("f", friend, f)}


def _introduction(key: str, phrase: str, name: str) -> Callable:
    """A fact that reads `phrase` at its first mention and `name` ever after."""

    def introduce(telling) -> str:
        telling.facts[key] = name
        return phrase

    return introduce


def _names(pick, world: int, genders: list[int]) -> list[str]:
    """Names with different first letters, so that a listener keeps them apart."""
    names: list[str] = []
    for index, gender in enumerate(genders):
        pool = ANIMALS[gender] if world and index != 2 else PERSONS[gender]
        name = pick(pool)
        while any(name[0] == other[0] for other in names):
            name = pick(pool)
        names.append(name)
    if not world:
        names[3] = _title(pick(SURNAMES), genders[3])
    return names


def _series(genders: list[int]) -> list[str]:
    """Names by role, so that who has read little can still tell who is who."""
    names = [pair[gender] for pair, gender in zip(SERIES, genders, strict=True)]
    names[3] = _title(names[3], genders[3])
    return names


def _title(surname: str, gender: int) -> str:
    return f"{('Mrs.', 'Mr.')[gender]} {surname}"


def _facts(role: str, name: str, gender: int, kind: str, the: str, hand: str) -> dict[str, str]:
    he, him, his, self = PRONOUNS[gender]
    values = (name, he, him, his, self, kind, the, hand, HANDS[hand])
    keys = ("", ".he", ".him", ".his", ".self", ".kind", ".the", ".hand", ".hands")
    return {role + key: value for key, value in zip(keys, values, strict=True)}
