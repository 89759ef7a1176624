# Writes reviews.csv: short opinions made of a grammar, in which "not", "hardly" and "but" turn what a word alone says.
# Made up, no one's review; a classifier has to read the order of words, which a count of words does not have.
import random

random.seed(7)
things = "soup bread room service music view price staff coffee garden bath breakfast cake lamp chair film ending cast".split()
good = "wonderful lovely fresh friendly warm clean fine delicious charming bright".split()
bad = "awful stale dirty rude cold dull bitter noisy broken dreadful".split()


def clause(positive):
    """One clause that says so."""
    turned = random.random() < 0.4
    word = random.choice(good if positive != turned else bad)
    turn = random.choice(["was not", "was hardly", "was anything but", "never seemed"]) if turned else random.choice(
        ["was", "was really", "seemed", "is always", "was, as ever,"])
    return f"the {random.choice(things)} {turn} {word}"


def review(positive):
    """What stands behind "but" counts."""
    kind = random.random()
    if kind < 0.35:
        return clause(positive)
    if kind < 0.6:
        return f"{clause(positive)} and {clause(positive)}"
    if kind < 0.85:
        return f"{clause(not positive)}, but {clause(positive)}"
    return f"although {clause(not positive)}, {clause(positive)}"


with open("reviews.csv", "w", newline="") as file:
    file.write("review,opinion\n")
    written = set()
    while len(written) < 900:
        positive = len(written) % 2 == 0
        text = review(positive).capitalize()
        if text not in written:
            written.add(text)
            file.write(f'"{text}.",{"good" if positive else "bad"}\n')
