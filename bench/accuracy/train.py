"""A linear model over hashed n-grams, and what it adds to the rules: each source and each author held out in turn.

Use: BARTIZAN_CORPORA=DIR uv run --with scikit-learn python bench/accuracy/train.py [--only SOURCE]. Two minutes of CPU.

For each source the model is trained without it. The score from which it tells is the one that lets through the given
share of benign documents of the *other* sources, each of them scored by the model that was trained without its source.
Nothing is drawn at random: equal input, equal figures. What they decided is in docs/decisions.
"""

# pyright: reportMissingImports=false, reportOptionalSubscript=false, reportIndexIssue=false

import argparse
import os
import sys
import time
from functools import cache

import numpy
from corpora import ATTACKS, Document, documents, pages
from ngrams import PLACES, TEXT_CHARACTERS_MAX, places
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from bartizan.app.bootstrap import load_judge
from bartizan.assess.judge import SUSPICIOUS_FROM

PENALTY = 5.0
EMPTY = -99.0  # the score of a document without a sentence
OWN_WEIGHT = 2.0  # of benign samples that were written to be hard
TOLD, HINTED = 0.55, 0.25  # what it would weigh beside the rules: alone enough for suspicious, and not enough
BARE = {"bipia"}  # requests without a trick: attacks by their place alone, so nothing to learn from


class Corpus:
    """Documents as rows of n-grams of their sentences."""

    def __init__(self, found: list[Document]) -> None:
        self.documents = found
        numbers: dict[tuple[str, ...], int] = {}
        for document in found:
            for words in document.sentences:
                numbers.setdefault(words, len(numbers))
        self.sentences = [numpy.array([numbers[one] for one in row.sentences], dtype=int) for row in found]
        self.source = numpy.array([one.source for one in found])
        self.attack = numpy.array([one.label in ATTACKS for one in found])
        self.quoting = numpy.array([one.label == "benign_quoting" for one in found])
        self.long = [len(one.row.get("text", "")) > TEXT_CHARACTERS_MAX for one in found]  # the product skips them
        self.page = numpy.array([one.label == "page" for one in found])  # only looked at: never learned or counted
        self.matrix = _matrix(list(numbers))

    def scores(self, left_out: str):
        """Of every document, the highest of its sentences, by a model that did not see this source."""
        told = fitted(self, self.source != left_out)[2]
        return numpy.array(
            [
                told[one].max() if len(one) and not long else EMPTY
                for one, long in zip(self.sentences, self.long, strict=True)
            ]
        )


def _matrix(sentences: list[tuple[str, ...]]):
    known = [places(words) for words in sentences]
    starts = numpy.cumsum([0, *map(len, known)])
    values = numpy.concatenate([numpy.full(len(one), len(one) ** -0.5) for one in known])
    columns = numpy.concatenate([numpy.array(one) for one in known])
    matrix = sparse.csr_matrix((values, columns, starts), shape=(len(known), PLACES))
    matrix.sum_duplicates()
    return matrix


def fitted(corpus: Corpus, train):
    """Weights, bias, and the score of every sentence. Which sentence of an attack attacks is found in two rounds."""
    own = numpy.char.startswith(corpus.source, "author")
    benign = numpy.zeros(corpus.matrix.shape[0])
    for number in numpy.flatnonzero(train & ~corpus.attack & ~corpus.page):
        benign[corpus.sentences[number]] = OWN_WEIGHT if own[number] else 1.0
    _, _, first = _fitted(corpus, benign, _attacking(corpus, train, None))
    return _fitted(corpus, benign, _attacking(corpus, train, first))


def _attacking(corpus: Corpus, train, told):
    """How much each sentence counts as an attack: all of an attack, once there are scores those that score best."""
    attack = numpy.zeros(corpus.matrix.shape[0])
    for number in numpy.flatnonzero(train & corpus.attack & ~numpy.isin(corpus.source, list(BARE))):
        some = corpus.sentences[number]
        if len(some) and told is None:
            attack[some] = numpy.maximum(attack[some], len(some) ** -0.5)
        elif len(some):
            best = told[some].max()
            attack[some[told[some] >= max(min(best, 1.0), best - 1.0)]] = 1.0
    return attack


def _fitted(corpus: Corpus, benign, attack):
    attack = numpy.where(benign > 0, 0.0, attack)
    used = numpy.r_[numpy.flatnonzero(attack), numpy.flatnonzero(benign)]
    truth = (attack[used] > 0).astype(int)
    weights = numpy.where(truth, attack[used] * benign.sum() / attack.sum() / 4, benign[used])
    model = LogisticRegression(solver="liblinear", dual=True, C=PENALTY, tol=0.01, max_iter=100, random_state=0)
    model.fit(corpus.matrix[used], truth, sample_weight=weights)
    return model.coef_.ravel(), model.intercept_[0], corpus.matrix @ model.coef_.ravel() + model.intercept_[0]


def _share(told, of) -> str:
    return f"{100 * told[of].mean():6.1f}" if of.any() else "     -"


class Measure:
    """Scores of models that did not see this or that source, each trained once."""

    def __init__(self, corpus: Corpus, false: float, weak: float) -> None:
        self.corpus = corpus
        self.plain = ~corpus.attack & ~corpus.quoting & ~corpus.page
        self.sources = sorted(set(corpus.source[~corpus.page]))
        self.shares = [1 - false, 1 - weak]
        self.scores = cache(corpus.scores)

    def thresholds(self, held: str = ""):
        """From which scores a model tells and hints: by benign documents of all sources but `held`, each unseen."""
        unseen = [self.scores(one)[self.plain & (self.corpus.source == one)] for one in self.sources if one != held]
        return numpy.quantile(numpy.concatenate(unseen), self.shares)

    def table(self, rules, sources: list[str]) -> None:
        """Share above clean of each source by rules, by a model that did not see the source, and by both."""
        print(f"{'above clean, %':22}  attacks  rules  model   both | benign  rules  model   both | quoting, as before")
        of_all = [self.corpus.attack, self.plain, self.corpus.quoting]
        sums = numpy.zeros((len(of_all), 4))
        for held in sources:
            columns = self.columns(rules, held)
            line = f"{held:22}"
            for number, kind in enumerate(of_all):
                of = kind & (self.corpus.source == held)
                sums[number] += [of.sum(), *(one[of].sum() for one in columns)]
                line += f" {of.sum():8}" + "".join(" " + _share(one, of) for one in columns) + " |"
            print(line, flush=True)
        shares = ("".join(f"{100 * one / max(1, row[0]):7.2f}" for one in row[1:]) for row in sums)
        print(f"{'all':22}" + "".join(f" {row[0]:8.0f}{part} |" for row, part in zip(sums, shares, strict=True)))

    def columns(self, rules, held: str):
        """Of every document, whether it is above clean by the rules, by the model, and by both."""
        strong, weak = self.thresholds(held)
        mine = self.scores(held)
        weight = numpy.where(mine >= strong, TOLD, numpy.where(mine >= weak, HINTED, 0.0))
        both = 1 - (1 - rules) * (1 - weight) >= SUSPICIOUS_FROM - 1e-9
        return rules >= SUSPICIOUS_FROM, mine >= strong, both

    def pages(self, rules) -> None:
        """Our own pages that are short enough to be weighed, by a model of everything else."""
        short = self.corpus.page & ~numpy.array(self.corpus.long)
        told = [int(one[short].sum()) for one in self.columns(rules, "")]
        print(f"our own pages: of {short.sum()} above clean by rules {told[0]}, model {told[1]}, both {told[2]}")


def rules_alone(found: list[Document]):
    """The scores of the rules."""
    judge = load_judge()
    told = (judge.text(one.row["text"]) if one.kind == "text" else judge.definition(one.row) for one in found)
    return numpy.array([one.score for one in told])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--false", type=float, default=0.001, help="benign documents that may tell: 0.001")
    parser.add_argument("--weak", type=float, default=0.01, help="benign documents that may hint: 0.01")
    parser.add_argument("--only", action="append", help="hold out this source only; repeatable")
    chosen = parser.parse_args(arguments)
    if not os.environ.get("BARTIZAN_CORPORA"):
        print("skipped: BARTIZAN_CORPORA names no folder")
        return 0
    corpus = Corpus([*documents(), *pages()])
    measure = Measure(corpus, chosen.false, chosen.weak)
    rules = rules_alone(corpus.documents)
    print(f"{len(corpus.documents)} documents, {corpus.matrix.shape[0]} different sentences")
    measure.table(rules, chosen.only or measure.sources)
    measure.pages(rules)
    print(f"{time.process_time():.0f} s CPU")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
