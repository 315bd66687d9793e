"""Small differences of wording that never change a meaning: "did not" is as good as "didn't".

`paraphrase` turns plain grammar text into grammar text with choices, so that the sentences of the
plots have several wordings and the plots themselves stay easy to read:

    "It did not bark at once."  →  "It [did not|did not|didn't] bark [at once|right away|...]."
"""

import re

WORDINGS = """
at once | right away | straight away
all at once | all at once | all of a sudden
nobody | no one
everybody | everyone
everyone | everybody
somebody | someone
anybody | anyone
anyone | anybody
the next day | the next day | the next morning | the day after
the next morning | the next morning | early the next morning
for a long time | for a long while | for quite a while
began to | started to
looked around | looked all around | looked about
said nothing | did not say a word | kept quiet
until | until | till
, because | , because | , since
suddenly | all of a sudden
every day | each day | day after day
every morning | each morning
in the end | in the end | at long last
came by | came along
a week later | one week later | a week after that
a few days later | some days later | a few days after that
from then on | from then on | from that day on | ever after
had hardly | had scarcely
was hardly | was scarcely
a great deal of | a lot of
it was no use | it was no good | it did not help
in a hurry | in a rush
no bigger than | no larger than
as fast as it could | as quickly as it could
thought for a long time | thought long and hard
could hardly | could barely
"""
NOT = "did do does could was were would had is are should have"
SHORT = {"it is": "it's", "that is": "that's", "there is": "there's", "what is": "what's"}
SHORT |= {"i am": "I'm", "i will": "I'll", "we will": "we'll", "you are": "you're"}
SHORT |= {"let us": "let's", "it will": "it'll", "you will": "you'll", "we are": "we're"}
# "as tall as it is" and "I know who you are" keep their verbs whole, so neighbors are looked at.
WHOLE = "".join(f"(?<!{word} )" for word in ("as", "than", "what", "where", "who", "how", "which"))


def _choices() -> dict[str, list[str]]:
    wordings = (line.split(" | ") for line in WORDINGS.strip().splitlines())
    choices = {options[0]: options for options in wordings}
    for verb in NOT.split():
        choices[f"{verb} not"] = [f"{verb} not", f"{verb} not", f"{verb}n't"]
    choices["will not"] = ["will not", "won't"]
    choices["cannot"] = ["cannot", "can't"]
    return choices | {
        phrase: [phrase.replace("i ", "I "), short] for phrase, short in SHORT.items()
    }


CHOICES = _choices()
PHRASE = re.compile(  # marks of the grammar are matched first, so that no rule's name is reworded
    r"<<\w+ \w+:|<\w+\??>|\{[\w.]+\}"
    rf"|{WHOLE}\b(?P<short>{'|'.join(SHORT)})(?= (?!and\b|or\b|but\b|not\b)[a-z])"
    rf"|\b(?P<long>{'|'.join(sorted(CHOICES.keys() - SHORT.keys(), key=len, reverse=True))})\b",
    re.IGNORECASE,
)


def paraphrase(text: str) -> str:
    """The grammar text with a choice of wordings wherever one is known."""
    return PHRASE.sub(_options, text)


def _options(match: re.Match) -> str:
    phrase = match["short"] or match["long"]
    if not phrase:
        return match[0]
    options = CHOICES[phrase.lower()]
    if phrase[0].isupper():
        options = [option[0].upper() + option[1:] for option in options]
    return f"[{'|'.join(options)}]"
