"""First names that nobody was given: syllables in the manner of several languages.

name = opening + up to two middle syllables + ending,   P(k-th part of a list) ~ 1 / (k + 3)

The list stands in for a file of real names: lowercase a to z, 2 to 12 letters, no name twice.
Which letter comes next depends on more than the letter before it, so that a bigram model learns
much of the structure and a longer context learns clearly more.
"""

import re
from bisect import bisect
from collections.abc import Callable
from itertools import accumulate
from random import Random

SHORTEST, LONGEST = 2, 12  # letters

# A manner: its share of all names, then openings, middles and endings, the common ones first.
MANNERS = (
    (  # soft, with many vowels, as in Italian or Spanish
        4,
        "ma al an ca la el da ro lu a mar be le na sa gia vi ele ama ali ame isa jo fa so cla bia"
        " car val ol te mi fio gra ori ile ber fer no pa ra ste ire eva",
        "ri li na ra la ni si ti mi vi re di lo no ce ta be le ssi nti ndra rce lle nci",
        "a na ia la ra o ella ina io ita el ana o sa elia etta ino da anna one nzo ario e ora issa",
    ),
    (  # English
        5,
        "ka ja br ma ch ha l al ke da j be em ra ad bra la c tr cha k sh mo ro gr ed wi har car el"
        " bri ar ken ash aud win jer ste tay col far hol pres",
        "a e y i ay el er o al ar is ai ell ev",
        "ley lyn n den son na lee ton s yn h den rie nah la lynn den ck th ne sha ly ce den nie"
        " ford ssa tte den dy ker nne cey ra rd sie me mie ver vin ry don bert ddie",
    ),
    (  # Arabic, Persian, Indian
        3,
        "a ja sha ha ra ah ka na sa ay mu za ya ar an ni am pra sh ta di fa ri as kha i vi aa ma",
        "ma ri ya na ha sh la di ni ra mi hi sa va li yy za nja",
        "an ah a am ir in at sh iya ni ra aan ali een ika esh ya it ita id eer oor aj ima oud ran",
    ),
    (  # northern and Celtic
        2,
        "el as fr br ei ma ai h kei si th s in l r gw ol j k no ro rh fi sv tor bj ing aud",
        "ri e i a o ei la ne ed ar di en va",
        "n en d a ik nn in rid ne r lyn ta van ld an ric gan wen na rik la on wyn ah s ine th gard",
    ),
    (  # Japanese and Pacific
        1,
        "ha ka a mi yu na sa ki ta ma to ke i re ko ri no e mo hi",
        "ka ri na mi ko ya to ru shi ke mo a se ku i ro la ni hi",
        "ko mi ka ri to na ki ro ya o a shi ne ta ha ra ni nga",
    ),
    (  # Slavic and Greek
        1,
        "al da mi an ni ka ma s yu ev vl pet i ta k ol ve z le ale di bo ir th ph dm",
        "e i a la li ksa ko va ta ro mi di do na so",
        "a na ka ya n slav rina sha s ra mir os ena vich lina r ta nka tka ris ndra n nia ndros",
    ),
)
MIDDLES = (0.42, 0.9)  # up to here no middle syllable, up to here one, else two

# What can be said aloud: parts meet at their seams in ways that no mouth would choose.
ONSET = "(?:[bcdfghjklmnprstvwyz]|[bcfgkp]l|[bcdfgkpt]r|ch|chr|gw|kh|ph|rh|s[hlv]|str?|th|vl)"
VOWEL = "(?:[aeiouy]|a[eiuy]|e[aeioy]|i[aeo]|o[aouy]|u[ae])"
MEDIAL = f"(?:{ONSET}|[lmnr]{ONSET}|s[cklmpt]|ll|mm|nn|rr|ss|tt|dd|ck|cq|ks)"
CODA = "(?:[bdhklmnrstxz]|ck|ch|gh|l[dlfm]|n[dgnt]|r[dklnst]|s[hst]|t[ht])"
SPEAKABLE = re.compile(f"{ONSET}?{VOWEL}(?:{MEDIAL}{VOWEL})*{CODA}?")


def names(count: int, seed: int = 0) -> list[str]:
    """`count` distinct names in the order drawn: a longer list begins with the shorter one."""
    if not 0 <= count <= 100_000:
        raise ValueError(f"got {count=}, wanted 0 to 100000: ask for fewer names")
    random = Random(seed).random
    manners = [[_weighted(parts) for parts in manner[1:]] for manner in MANNERS]
    shares = list(accumulate(manner[0] for manner in MANNERS))
    seen: dict[str, None] = {}
    while len(seen) < count:
        openings, middles, endings = manners[bisect(shares, random() * shares[-1])]
        middle = bisect(MIDDLES, random())  # how many middle syllables
        parts = [openings, *[middles] * middle, endings]
        name = "".join([_pick(part, random) for part in parts])
        if SHORTEST <= len(name) <= LONGEST and SPEAKABLE.fullmatch(name):
            seen[name] = None
    return list(seen)


def _weighted(parts: str) -> tuple[list[str], list[float]]:
    words = parts.split()
    return words, list(accumulate(1 / (rank + 3) for rank in range(len(words))))


def _pick(weighted: tuple[list[str], list[float]], random: Callable[[], float]) -> str:
    words, sums = weighted
    return words[bisect(sums, random() * sums[-1])]
