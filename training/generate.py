"""Seeded generator of the short dialogues that the demo model is trained on.

Every item is (kind, question, answer, key, modulus). A key names what must not leak
between training and test: the operands, the word, or - for closed facts - the
question with case and punctuation removed. Keys whose hash is 0 modulo the modulus
are held out: the training stream never contains them, the test set holds only them.
"""

import argparse
import hashlib
import json
import random
import re

import facts
from tokenizer import render

OPERANDS = 20   # one key in 20 is held out: operands and words
PHRASINGS = 10  # one phrasing in 10 is held out: closed facts and tables


def held_out(key, modulus):
    """True when the key belongs to the test set."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:6], "big") % modulus == 0


def plain(question):
    """A question in lower case without punctuation: the key of a phrasing."""
    return re.sub(r"[^a-z0-9+*/ -]", "", question.lower()).strip()


def by_operands(kind, question, answer, *operands):
    """An item that is held out by its operands."""
    return kind, question, answer, "%s:%s" % (kind, ":".join(map(str, operands))), OPERANDS


def by_phrasing(kind, question, answer):
    """An item that is held out by its phrasing."""
    return kind, question, answer, "%s:%s" % (kind, plain(question)), PHRASINGS


ADD_ASKS = ["What is {a} + {b}?", "{a}+{b}", "{a} + {b}", "{a} + {b} =", "{a} plus {b}",
            "What is {a} plus {b}?", "Compute {a} + {b}.", "How much is {a} and {b}?",
            "Add {a} and {b}.", "How much is {a} + {b}?", "Calculate {a} + {b}.",
            "What is the sum of {a} and {b}?", "{a} + {b}?", "{a}+{b}=?", "Sum of {a} and {b}?",
            "What's {a} + {b}?", "Please add {a} and {b}.", "What does {a} + {b} make?",
            "what is {a}+{b}", "What is {a}+{b}?", "Can you add {a} and {b}?",
            "Tell me {a} + {b}.", "Give me {a} plus {b}.", "How much is {a} plus {b}?"]
SUB_ASKS = ["What is {a} - {b}?", "{a}-{b}", "{a} - {b}", "{a} minus {b}", "What is {a} minus {b}?",
            "Compute {a} - {b}.", "Subtract {b} from {a}.", "How much is {a} - {b}?",
            "Calculate {a} - {b}.", "{a} - {b} =", "Take {b} from {a}.", "{a} - {b}?",
            "what is {a}-{b}", "How much is {a} minus {b}?", "What's {a} - {b}?"]
MUL_ASKS = ["What is {a} * {b}?", "{a}*{b}", "{a} * {b}", "{a} times {b}", "What is {a} times {b}?",
            "Compute {a} * {b}.", "Multiply {a} by {b}.", "How much is {a} times {b}?",
            "Calculate {a} * {b}.", "{a} x {b}", "What is {a} x {b}?", "{a} * {b} =",
            "Multiply {a} and {b}.", "What is the product of {a} and {b}?"]
DIV_ASKS = ["What is {a} / {b}?", "{a}/{b}", "{a} / {b}", "{a} divided by {b}",
            "What is {a} divided by {b}?", "Compute {a} / {b}.", "Divide {a} by {b}.",
            "How much is {a} divided by {b}?", "Calculate {a} / {b}.", "{a} / {b} ="]


def addition(rng):
    """Sums, mostly of two numbers below 100."""
    size = rng.random()
    if size < 0.86:
        kind, a, b = "add", rng.randrange(100), rng.randrange(100)
    elif size < 0.92:
        kind, a, b = "add", rng.randrange(10), rng.randrange(100)
        if rng.random() < 0.5:
            a, b = b, a
    else:
        kind, a, b = "add, 3 digits", rng.randrange(100, 1000), rng.randrange(1000)
        if rng.random() < 0.5:
            a, b = b, a
    question = rng.choice(ADD_ASKS).format(a=a, b=b)
    return by_operands(kind, question, "%d + %d = %d." % (a, b, a + b), min(a, b), max(a, b))


def subtraction(rng):
    """Differences of numbers up to 100, never negative."""
    b, a = sorted((rng.randrange(101), rng.randrange(101)))
    question = rng.choice(SUB_ASKS).format(a=a, b=b)
    return by_operands("subtract", question, "%d - %d = %d." % (a, b, a - b), a, b)


def multiplication(rng):
    """The multiplication table up to 12 times 12."""
    a, b = rng.randrange(13), rng.randrange(13)
    question = rng.choice(MUL_ASKS).format(a=a, b=b)
    return by_phrasing("multiply", question, "%d * %d = %d." % (a, b, a * b))


def division(rng):
    """Exact divisions out of the multiplication table."""
    a, b = rng.randrange(13), rng.randrange(1, 13)
    question = rng.choice(DIV_ASKS).format(a=a * b, b=b)
    return by_phrasing("divide", question, "%d / %d = %d." % (a * b, b, a))


def comparison(rng):
    """Larger or smaller of two numbers."""
    a = rng.randrange(1000) if rng.random() < 0.3 else rng.randrange(100)
    b = rng.randrange(1000) if a > 99 else rng.randrange(100)
    if a == b:
        b += 1
    low, high = min(a, b), max(a, b)
    form = rng.randrange(6)
    if form < 2:
        question = rng.choice(["Which is larger, {a} or {b}?", "Which number is larger, {a} or {b}?",
                               "What is larger, {a} or {b}?", "Larger: {a} or {b}?"])
        answer = "%d is larger than %d." % (high, low)
    elif form < 4:
        question = rng.choice(["Which is smaller, {a} or {b}?", "Which number is smaller, {a} or {b}?",
                               "What is smaller, {a} or {b}?", "Smaller: {a} or {b}?"])
        answer = "%d is smaller than %d." % (low, high)
    elif form == 4:
        question = rng.choice(["Is {a} larger than {b}?", "Is {a} more than {b}?",
                               "Is {a} greater than {b}?"])
        answer = "%s, %d is larger than %d." % ("Yes" if a > b else "No", high, low)
    else:
        question = rng.choice(["Is {a} smaller than {b}?", "Is {a} less than {b}?"])
        answer = "%s, %d is smaller than %d." % ("Yes" if a < b else "No", low, high)
    return by_operands("compare", question.format(a=a, b=b), answer, low, high)


def parity(rng):
    """Even or odd."""
    n = rng.randrange(100) if rng.random() < 0.6 else rng.randrange(1000)
    word = "odd" if n % 2 else "even"
    form = rng.randrange(3)
    if form == 0:
        question = rng.choice(["Is {n} even or odd?", "Is {n} odd or even?", "{n}: even or odd?",
                               "Tell me if {n} is even or odd."])
        answer = "%d is %s." % (n, word)
    else:
        asked = "even" if form == 1 else "odd"
        question = rng.choice(["Is {n} %s?", "Is the number {n} %s?"]) % asked
        answer = "%s, %d is %s." % ("Yes" if asked == word else "No", n, word)
    return by_operands("even or odd", question.format(n=n), answer, n)


def counting(rng):
    """Successor, predecessor, doubling and halving."""
    n = rng.randrange(1, 100) if rng.random() < 0.6 else rng.randrange(1, 1000)
    form = rng.randrange(6)
    if form < 3:
        question = rng.choice(["What comes after {n}?", "Which number comes after {n}?",
                               "What number follows {n}?", "What is the next number after {n}?"])
        answer = "%d comes after %d." % (n + 1, n)
    elif form < 5:
        question = rng.choice(["What comes before {n}?", "Which number comes before {n}?",
                               "What is the number before {n}?"])
        answer = "%d comes before %d." % (n - 1, n)
    else:
        n = rng.randrange(1, 100)
        question = rng.choice(["Double {n}.", "What is double {n}?", "What is twice {n}?"])
        answer = "%d + %d = %d." % (n, n, 2 * n)
        return by_operands("add", question.format(n=n), answer, n, n)
    return by_operands("count", question.format(n=n), answer, n)


VOWELS, CONSONANTS = "aeiou", "bcdfghjklmnprstvwz"


def some_word(rng, longest):
    """A listed word, or (one time in four) a made-up one, of at most longest letters."""
    while True:
        if rng.random() < 0.25:
            word = "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS)
                           + rng.choice(["", "", rng.choice(CONSONANTS)])
                           for _ in range(rng.randrange(1, 4)))
        else:
            word = rng.choice(facts.WORDS)
        if 3 <= len(word) <= longest:
            return word


def quoted(rng, word):
    """The word as a question shows it."""
    return rng.choice([word, word, '"%s"' % word])


def spelling(rng):
    """Spell, reverse, count letters, first and last letter, upper case."""
    form = rng.randrange(14)
    word = some_word(rng, 6 if form in (4, 5) else 10)
    shown = quoted(rng, word)
    dashed = "-".join(word)
    if form < 4:
        kind, answer = "spell", dashed
        asks = ["Spell the word {}.", "Spell {}.", "How do you spell {}?", "Please spell {}.",
                "Can you spell {}?", "How is {} spelled?", "Spell the word {}", "spell {}"]
    elif form < 6:
        kind, answer = "reverse", "%s backwards is %s." % (dashed, "-".join(word[::-1]))
        asks = ["Reverse the word {}.", "Spell {} backwards.", "What is {} backwards?",
                "Reverse {}.", "Write {} backwards."]
    elif form < 8:
        kind, answer = "count letters", "%s has %d letters." % (dashed, len(word))
        asks = ["How many letters are in {}?", "How many letters does {} have?",
                "Count the letters in {}.", "How many letters are in the word {}?",
                "How long is the word {}?"]
    elif form in (8, 9):
        kind, answer = "first letter", "The first letter of %s is %s." % (word, word[0])
        asks = ["What is the first letter of {}?", "Which letter does {} start with?",
                "First letter of {}?", "What letter does {} begin with?"]
    elif form in (10, 11):
        kind, answer = "last letter", "The last letter of %s is %s." % (word, word[-1])
        asks = ["What is the last letter of {}?", "Which letter does {} end with?",
                "Last letter of {}?", "What letter does {} end with?"]
    else:
        kind, answer = "upper case", word.upper()
        asks = ["Write {} in upper case.", "Write {} in capital letters.", "Uppercase {}.",
                "Make {} upper case.", "Put {} in capitals."]
    question = rng.choice(asks).format(shown)
    return kind, question, answer, "word:" + word, OPERANDS


def dates(rng):
    """Days of the week, months and leap years."""
    form = rng.randrange(10)
    day, month = rng.randrange(7), rng.randrange(12)
    if form < 4:
        step, word = (1, "after") if form < 2 else (-1, "before")
        name, other = facts.DAYS[day], facts.DAYS[(day + step) % 7]
        asks = ["What day comes {w} {x}?", "Which day is {w} {x}?", "What is the day {w} {x}?",
                "What comes {w} {x}?", "Name the day {w} {x}.", "Which day comes {w} {x}?",
                "The day {w} {x}?", "Tell me the day {w} {x}."]
        answer = "%s comes %s %s." % (other, word, name)
    elif form < 6:
        step, word = (1, "after") if form < 5 else (-1, "before")
        name, other = facts.MONTHS[month], facts.MONTHS[(month + step) % 12]
        asks = ["What month comes {w} {x}?", "Which month is {w} {x}?", "What comes {w} {x}?",
                "What is the month {w} {x}?", "Name the month {w} {x}.",
                "Which month comes {w} {x}?", "Tell me the month {w} {x}."]
        answer = "%s comes %s %s." % (other, word, name)
    elif form == 6:
        name, word = facts.MONTHS[month], ""
        asks = ["How many days are in {x}?", "How many days does {x} have?",
                "How long is {x}?", "How many days has {x}?", "Tell me the days in {x}.",
                "What is the number of days in {x}?"]
        answer = "%s has %d days." % (name, facts.MONTH_DAYS[month])
        if month == 1:
            answer = "February has 28 days, or 29 in a leap year."
    elif form == 7:
        name, word = facts.ORDINALS[month], ""
        asks = ["What is the {x} month?", "Which month is the {x}?", "Name the {x} month.",
                "What is the {x} month of the year?", "Tell me the {x} month."]
        answer = "The %s month is %s." % (name, facts.MONTHS[month])
    elif form == 8:
        year = rng.randrange(1900, 2101)
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        question = rng.choice(["Is {y} a leap year?", "Was {y} a leap year?",
                               "Tell me if {y} is a leap year."]).format(y=year)
        answer = "%s, %d is %sa leap year." % ("Yes" if leap else "No", year, "" if leap else "not ")
        return by_operands("leap year", question, answer, year)
    else:
        answer, asks = rng.choice([
            ("There are 7 days in a week.",
             ["How many days are in a week?", "How many days does a week have?",
              "How long is a week?", "How many days has a week?"]),
            ("There are 12 months in a year.",
             ["How many months are in a year?", "How many months does a year have?",
              "How many months has a year?"]),
            ("The days are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.",
             ["Name the days of the week.", "What are the days of the week?",
              "List the days of the week.", "Tell me the days of the week."])])
        name = word = ""
    return by_phrasing("dates", rng.choice(asks).format(w=word, x=name), answer)


def units(rng):
    """Conversions between units with small whole numbers."""
    large, small, factor = rng.choice(facts.UNITS)
    n = rng.randrange(2, 21) if rng.random() < 0.6 or factor not in (10, 100, 1000) \
        else rng.randrange(2, 100)
    if factor in (60, 24, 12, 7):
        n = rng.randrange(2, 13)
    up = "%d %s are %d %s." % (n, large, n * factor, small)
    if rng.random() < 0.7:
        ask = rng.choice(["How many {s} are {n} {l}?", "How many {s} are in {n} {l}?",
                          "Convert {n} {l} to {s}.", "{n} {l} in {s}", "What is {n} {l} in {s}?"])
        return by_operands("units", ask.format(s=small, l=large, n=n), up, large, small, n)
    ask = rng.choice(["How many {l} are {m} {s}?", "Convert {m} {s} to {l}.", "{m} {s} in {l}",
                      "What is {m} {s} in {l}?"])
    answer = "%d %s are %d %s." % (n * factor, small, n, large)
    return by_operands("units", ask.format(s=small, l=large, m=n * factor), answer, small, large, n)


def closed(kind, table):
    """A generator over a list of (answer, questions)."""
    def generate(rng):
        answer, asks = rng.choice(table)
        return by_phrasing(kind, rng.choice(asks), answer)
    generate.__doc__ = "Closed questions: %s." % kind
    return generate


def an(word):
    """The word with its indefinite article."""
    return ("an " if word[0] in "aeiou" else "a ") + word


def general(rng):
    """Capitals, colours, animals and opposites."""
    form = rng.randrange(6)
    if form == 0:
        name, value = rng.choice(list(facts.CAPITALS.items()))
        ask, answer = rng.choice(facts.CAPITAL_ASKS), "The capital of %s is %s." % (name, value)
    elif form == 1:
        name, value = rng.choice(list(facts.COLOURS.items()))
        name = name.replace("_", " ")
        ask, answer = rng.choice(facts.COLOUR_ASKS), "%s is %s." % (name.capitalize(), value)
    elif form == 2:
        name, value = rng.choice(list(facts.SOUNDS.items()))
        ask, answer = rng.choice(facts.SOUND_ASKS), "A %s %s." % (name, value)
    elif form == 3:
        name, value = rng.choice(list(facts.LEGS.items()))
        ask = rng.choice(facts.LEG_ASKS).replace("a {}", an(name))
        answer = "%s has %d legs." % (an(name).capitalize(), value)
    elif form == 4:
        name, value = rng.choice(list(facts.YOUNG.items()))
        ask, answer = rng.choice(facts.YOUNG_ASKS), "A young %s is called a %s." % (name, value)
    else:
        pair = list(rng.choice(facts.OPPOSITES))
        rng.shuffle(pair)
        name = pair[0]
        ask, answer = rng.choice(facts.OPPOSITE_ASKS), "The opposite of %s is %s." % tuple(pair)
    return by_phrasing("general facts", ask.format(name), answer)


def unknown(rng):
    """Questions outside of what the model knows."""
    if rng.random() < 0.25:
        question = rng.choice(facts.UNKNOWN_MORE)
    else:
        question = rng.choice(facts.UNKNOWN_ASKS).format(rng.choice(facts.UNKNOWN_THINGS),
                                                         rng.choice(facts.UNKNOWN_PLACES))
    return by_phrasing("unknown", question, facts.UNKNOWN)


GENERATORS = {
    "addition": (24, addition), "subtraction": (12, subtraction),
    "multiplication": (9, multiplication), "division": (4, division),
    "comparison": (9, comparison), "parity": (6, parity), "counting": (5, counting),
    "spelling": (26, spelling), "dates": (5, dates), "units": (5, units),
    "assay": (8, closed("Assay facts", facts.ASSAY)),
    "identity": (5, closed("smalltalk", facts.IDENTITY)),
    "general": (7, general), "unknown": (3, unknown),
}

SYSTEMS = ["You are a helpful assistant."] * 4 + [
    "You are a helpful AI assistant.", "You are the demo model of Assay.",
    "Answer briefly.", "You are a helpful assistant. Answer briefly.", "Be helpful and brief."]


def casual(rng, question):
    """Now and then a question in lower case or without its final mark."""
    roll = rng.random()
    if roll < 0.06:
        question = question[0].lower() + question[1:]
    elif roll < 0.10 and question[-1] in ".?!" and len(question) > 4:
        question = question[:-1]
    return question


class Dialogues:
    """An endless seeded stream of dialogues (lists of messages)."""

    def __init__(self, seed, test=False, weights=None):
        self.rng = random.Random(seed)
        self.test = test
        self.makers = [maker for _, maker in GENERATORS.values()]
        self.set_weights(weights or {})

    def set_weights(self, weights):
        """Change the share of some generators."""
        self.shares = [weights.get(name, share) for name, (share, _) in GENERATORS.items()]

    def item(self, maker=None):
        """One (kind, question, answer) of the wanted side of the split."""
        while True:
            make = maker or self.rng.choices(self.makers, self.shares)[0]
            kind, question, answer, key, modulus = make(self.rng)
            if held_out(key, modulus) == self.test:
                return kind, question if self.test else casual(self.rng, question), answer

    def __iter__(self):
        return self

    def __next__(self):
        """One dialogue: an optional system message and one or more turns."""
        messages = []
        if self.rng.random() < 0.15:
            messages.append({"role": "system", "content": self.rng.choice(SYSTEMS)})
        for _ in range(self.rng.choices((1, 2, 3), (80, 17, 3))[0]):
            _, question, answer = self.item()
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": answer})
        return messages


def test_items(per_kind, seed=7):
    """Held-out questions: {kind: [(question, answer)]}, at most per_kind of each."""
    stream, found = Dialogues(seed, test=True), {}
    for _, maker in GENERATORS.values():
        for _ in range(per_kind * 12):
            try_kind, question, answer = stream.item(maker)
            bucket = found.setdefault(try_kind, {})
            if len(bucket) < per_kind:
                bucket.setdefault(question, answer)
    return {kind: sorted(bucket.items()) for kind, bucket in found.items()}


HELD_OUT_CHARACTERS = 60000


def split_text(path):
    """Training and held-out parts of the plain text: the end is held out."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    cut = text.rindex("\n\n", 0, len(text) - HELD_OUT_CHARACTERS) + 2
    return text[:cut], text[cut:]


def text_document(rng, text, longest=1400):
    """A passage of the plain text that starts at a paragraph."""
    start = text.find("\n\n", rng.randrange(len(text) - longest - 2000)) + 2
    return text[start:start + rng.randrange(200, longest)]


def main():
    """Print a few dialogues, or write many as JSON lines."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    stream = Dialogues(options.seed)
    for _ in range(options.count):
        messages = next(stream)
        print(json.dumps(messages) if options.json else render(messages), end="\n")


if __name__ == "__main__":
    main()
