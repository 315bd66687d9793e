"""The story grammar: text with choices in it, compiled once into nested functions.

    [red|blue]     one of the alternatives
    <rule>         one of the rule's forms; <rule?> the same two times in five, else nothing;
                   <rule>s the plural of its word
    {h.he}         a fact of this story, from cast.py or from a row of a table
    %when%what%    "when, what" or "what when"
    <<h glad: Look! / It is here.>>    direct speech: who, the mood, the words in parts
    a~ apple       "an apple"; ¶ begins a paragraph

A grammar is a text of blocks that begin at the left margin:

    color = red, blue        a rule whose forms are words
    greet:                   a rule whose forms are the lines "- ..." below it
    @scene                   a table: each row "- key = value; key: value" is one way the story goes

"c-" and "w-" in place of "-" keep a form for the children's world or for the animals' wood.
A row's "key = value" is chosen once a story, its "key: value" afresh at every mention.
Every choice is one call of Random.random, the sequence that Python promises to keep.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable

from kit.given.paraphrase import paraphrase

TOKEN = re.compile(r"<<|>>|<\w+>s\b|<\w+\??>|\{[\w.]+\}|[\[\]|%/]|[^<>{}\[\]|%/]+")
BLOCK = re.compile(r"(?:@(?P<table>\w+)|(?P<rule>\w+):|(?P<words>\w+) = (?P<first>.*))$")
FORM = re.compile(r"([cw]?)- (.*)$")
FIELD = re.compile(r"([\w.]+) ?([=:]) (.*)")
CAPITAL = re.compile(r'(?m)(?:^"?|[.!?]"? |(?<= )")[a-z]')
VOWEL = re.compile(r"~ (?=(?!uni|use|one\b|once\b)[aeiouAEIOU]|hour|honest)")
CLOSING = ("]", "|", "/", ">>")
WORLDS = {"": (0, 1), "c": (0,), "w": (1,)}
OPTIONAL = 0.4  # how often <rule?> says something
SPEAKER = (".he", ".him", ".his", ".self", ".hands")


class Telling:
    """One story while it is told: its facts, its world (0 children, 1 wood), the forms it used."""

    __slots__ = ("facts", "random", "used", "world")

    def __init__(self, random: Callable[[], float], world: int, facts: dict):
        self.random, self.world, self.facts = random, world, facts
        self.used: dict[str, int] = {}  # rule -> bit mask of forms, so that no story repeats itself


Node = Callable[[Telling], str]


class Grammar:
    """Rules and tables by name; names that `text` lacks are looked for in `shared`."""

    def __init__(self, text: str, shared: "Grammar | None" = None):
        self.rules: dict[str, tuple[list[Node], list[Node]]] = dict(shared.rules) if shared else {}
        self.tables: dict[str, tuple[list, list]] = {}
        for head, forms in _blocks(text):
            if head["table"]:
                self.tables[head["table"]] = _by_world((w, self._row(form)) for w, form in forms)
            else:
                name = head["rule"] or head["words"]
                self.rules[name] = _by_world((w, self.compile(form)) for w, form in forms)

    def tell(self, telling: Telling) -> str:
        """Choose a row of every table, then expand the rule `start`; finished prose."""
        for rows in self.tables.values():
            choices = rows[telling.world]
            for key, fixed, node in choices[int(telling.random() * len(choices))]:
                telling.facts[key] = node(telling) if fixed else node
        return finish(self.expand("start", telling))

    def worlds(self) -> list[int]:
        """The worlds that this grammar can tell of: those with a row in each table, and a start."""
        needed = [self.rules["start"], *self.tables.values()]
        return [world for world in (0, 1) if all(block[world] for block in needed)]

    def expand(self, name: str, telling: Telling) -> str:
        """One form of a rule, by preference one that this story has not used yet."""
        forms = self.rules[name][telling.world]
        pick, used = int(telling.random() * len(forms)), telling.used.get(name, 0)
        for _ in forms:
            if not used >> pick & 1:
                break
            pick = (pick + 1) % len(forms)
        telling.used[name] = used | 1 << pick
        return forms[pick](telling)

    def compile(self, text: str) -> Node:
        """The function that expands `text`."""
        text = paraphrase(text)
        tokens = deque(TOKEN.findall(text))
        if "".join(tokens) != text:
            raise ValueError(f"a stray bracket in the grammar: {text!r}; see this file's docstring")
        return self._sequence(tokens, ())

    def _row(self, text: str) -> list[tuple[str, bool, Node]]:
        fields = [FIELD.fullmatch(part.strip()) for part in text.split(";")]
        if None in fields:
            raise ValueError(f"a row has a field that is not 'key = text' or 'key: text': {text!r}")
        return [(field[1], field[2] == "=", self.compile(field[3])) for field in fields]

    def _sequence(self, tokens: deque, stops: tuple[str, ...]) -> Node:
        parts: list[str | Node] = []
        while tokens and tokens[0] not in stops:
            parts.append(self._part(tokens.popleft(), tokens))
        if len(parts) == 1:
            only = parts[0]
            return only if callable(only) else lambda telling: only
        return lambda telling: "".join([p if type(p) is str else p(telling) for p in parts])

    def _part(self, token: str, tokens: deque) -> str | Node:
        if token == "[":
            return _choice(self._until(tokens, "|", "]"))
        if token == "%":
            return _movable(*self._until(tokens, "%", "%", count=2))
        if token == "<<":
            head, tokens[0] = tokens[0].split(":", 1)
            return self._speech(*head.split(), self._until(tokens, "/", ">>"))
        if token[0] == "<":
            name, mark = token[1:].split(">")  # "<rule>s" has its mark behind, "<rule?>" within
            return self._reference(name.rstrip("?"), "?" if name[-1] == "?" else mark)
        if token[0] == "{":
            return _fact(token[1:-1])
        if token in CLOSING:
            raise ValueError(f"the grammar has a {token!r} that no bracket opened: remove it")
        return token

    def _until(self, tokens: deque, between: str, end: str, count: int = 0) -> list[Node]:
        nodes = []
        while True:
            nodes.append(self._sequence(tokens, (between, end)))
            if not tokens:
                raise ValueError(f"the grammar opens a bracket that no {end!r} closes")
            if tokens.popleft() == end and len(nodes) >= count:
                return nodes

    def _reference(self, name: str, mark: str = "") -> Node:
        if mark == "?":
            return lambda told: self.expand(name, told) if told.random() < OPTIONAL else ""
        if mark == "s":
            return lambda told: plural(self.expand(name, told))
        return lambda told: self.expand(name, told)

    def _speech(self, who: str, mood: str, parts: list[Node]) -> Node:
        """Speech by the character `who`: where the tag stands, its verb and its tail all vary."""
        speaker, role = _fact(who), who.partition(".")[0]

        def speak(told: Telling) -> str:
            facts, roll = told.facts, told.random()
            for key in SPEAKER:
                facts["s" + key] = facts[role + key]
            facts["s"] = speaker(told)
            first, *others = (part(told).strip() for part in parts)
            rest = " ".join(others)
            words = f"{first} {rest}" if rest else first
            if roll < 0.16:
                return f'{self.expand("act_" + mood, told)} "{words}"'
            if rest and roll > 0.6:
                return f'"{_comma(first)}"^{self._tag(told, mood, first)}. "{rest}"'
            asked = (
                mood if rest else words
            )  # "she asked" fits one question, not a question at the end
            if roll < 0.3:
                return f'{facts["s"]} {self._verb(told, mood, asked)}, "{words}"'
            return f'"{_comma(words)}"^{self._tag(told, mood, asked)}.'

        return speak

    def _tag(self, told: Telling, mood: str, words: str) -> str:
        verb = self._verb(told, mood, words)
        roll, name = told.random(), told.facts["s"]
        if roll < 0.3 and told.facts["clear"] and name == told.facts["h"]:
            tag = f"{told.facts['s.he']} {verb}"
        else:
            tag = f"{verb} {name}" if roll < 0.75 else f"{name} {verb}"
        return tag + (self.expand("tail_" + mood, told).rstrip() if told.random() < 0.25 else "")

    def _verb(self, told: Telling, mood: str, words: str) -> str:
        asked = words[-1] == "?"
        return self.expand("verb_" + ("ask" if asked else "say" if mood == "ask" else mood), told)


def plural(noun: str) -> str:
    """Of a noun that forms it by rule: birds, finches, butterflies."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun[:-1] + "ies" if noun[-1] == "y" and noun[-2] not in "aeiou" else noun + "s"


def finish(text: str) -> str:
    """Raw expansion to prose: single spaces, paragraphs, capitals, a or an."""
    text = "\n\n".join([" ".join(paragraph.split()) for paragraph in text.split("¶")])
    text = VOWEL.sub("n ", text).replace("~", "")
    return CAPITAL.sub(lambda match: match[0].upper(), text).replace("^", " ")


def _comma(words: str) -> str:
    return words[:-1] + "," if words[-1] == "." else words


def _fact(name: str) -> Node:
    def fact(told: Telling) -> str:
        value = told.facts[name]
        return value if type(value) is str else value(told)

    return fact


def _choice(options: list[Node]) -> Node:
    return lambda told: options[int(told.random() * len(options))](told)


def _movable(when: Node, what: Node) -> Node:
    def move(told: Telling) -> str:
        first, then = when(told), what(told)
        return f"{first}, {then}" if told.random() < 0.5 else f"{then} {first}"

    return move


def _by_world(forms: Iterable[tuple[str, object]]) -> tuple[list, list]:
    worlds: tuple[list, list] = ([], [])
    for world, form in forms:
        for index in WORLDS[world]:
            worlds[index].append(form)
    return worlds


def _blocks(text: str) -> Iterable[tuple[re.Match, list[tuple[str, str]]]]:
    """Each block's head with its (world, text) forms; deeper lines continue the line above."""
    blocks: list[tuple[re.Match, list[tuple[str, str]]]] = []
    for line in filter(str.strip, text.splitlines()):
        if head := BLOCK.match(line):
            blocks.append((head, [("", head["first"])] if head["words"] else []))
        elif form := FORM.match(line):
            blocks[-1][1].append((form[1], form[2]))
        elif line[0] == " ":
            world, form = blocks[-1][1][-1]
            blocks[-1][1][-1] = (world, f"{form} {line.strip()}")
        else:
            raise ValueError(f"not a head, a form or a continuation in the grammar: {line!r}")
    for head, forms in blocks:
        if head["words"]:
            forms[:] = [("", word.strip()) for word in forms[0][1].split(",")]
        yield head, forms
