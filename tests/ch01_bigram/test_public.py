"""Public tests of ch01_bigram, problem by problem in the order of the handout."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kit.compare import assert_close, assert_equal
from tests.ch01_bigram.checks import (
    WORDS,
    WORDS_COUNTS,
    check_counts,
    check_gradient,
    check_ngrams,
    check_probabilities,
    check_training,
    mean_nll,
    random_documents,
    random_P,
)

# --- vocabulary ---------------------------------------------------------------------------------


@pytest.mark.problem("vocabulary")
def test_vocabulary_is_sorted_and_distinct(student):
    """The vocabulary lists every character once, in code-point order."""
    vocab = student.build_vocab("hello world")
    assert_equal(vocab, list(" dehlorw"), "each character once, sorted, the space included")


@pytest.mark.problem("vocabulary")
def test_encode_looks_characters_up(student):
    """An id is a character's place in the vocabulary."""
    ids = student.encode("hole", ["e", "h", "l", "o"])
    assert_equal(ids, [1, 3, 2, 0], "an id is the character's place in vocab")


@pytest.mark.problem("vocabulary")
def test_decode_puts_characters_back(student):
    """Decoding gives one string, not a list of characters."""
    text = student.decode([1, 3, 2, 0], ["e", "h", "l", "o"])
    assert_equal(text, "hole", "decode is the inverse of encode")


@pytest.mark.problem("vocabulary")
@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_decode_undoes_encode(student, text):
    """decode(encode(text)) is the text, whatever its characters."""
    vocab = student.build_vocab(text)
    assert_equal(student.decode(student.encode(text, vocab), vocab), text, "the text is not kept")


# --- bigram_counts ------------------------------------------------------------------------------


@pytest.mark.problem("bigram_counts")
def test_counts_of_the_worked_example(student):
    """The counts are those of the handout's three words."""
    counts = student.bigram_counts(WORDS, 3)
    assert_equal(counts, WORDS_COUNTS, "row: the id before; column: the id after")


@pytest.mark.problem("bigram_counts")
def test_pairs_stay_inside_a_document(student):
    """The last id of a document and the first of the next are no pair."""
    counts = student.bigram_counts([[0, 0], [1, 1], [2, 2]], 3)
    assert_equal(counts, [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "a pair crosses two documents")


@pytest.mark.problem("bigram_counts")
def test_counts_of_random_documents(student, rng):
    """Every pair is counted, however often it occurs."""
    documents = random_documents(rng, 7, [40, 3, 25, 2])
    check_counts(student, documents, 7, "pairs are lost, or counted twice")


# --- probabilities ------------------------------------------------------------------------------


@pytest.mark.problem("probabilities")
def test_probabilities_of_the_worked_example(student):
    """The probabilities are those of the handout."""
    P = student.probabilities(torch.tensor(WORDS_COUNTS), 1.0)
    wanted = [[1 / 6, 3 / 6, 2 / 6], [2 / 7, 2 / 7, 3 / 7], [3 / 6, 2 / 6, 1 / 6]]
    assert_close(P, wanted, "P[a, b] = (C[a, b] + alpha) / (sum_b C[a, b] + alpha V)")


@pytest.mark.problem("probabilities")
def test_rows_sum_to_one(student, rng):
    """Whatever came before, something comes next: each row sums to 1."""
    counts = torch.randint(0, 50, (9, 9), generator=rng)
    total = student.probabilities(counts, 0.5).double().sum(-1)
    # nine float32 entries, each rounded
    assert_close(total, torch.ones(9), "rows do not sum to 1", rtol=1e-6)


@pytest.mark.problem("probabilities")
def test_unseen_rows_are_uniform(student):
    """An id that never occurred is followed by anything, also without smoothing."""
    counts = torch.tensor([[2, 0, 2], [0, 0, 0], [1, 0, 0]])
    why = "with alpha = 0 a row without counts is 1/V, and no other row is smoothed"
    check_probabilities(student, counts, 0.0, why)


# --- negative_log_likelihood --------------------------------------------------------------------


@pytest.mark.problem("negative_log_likelihood")
def test_nll_of_the_worked_example(student):
    """The NLL is that of the handout's word "ab"."""
    P = torch.tensor([[1 / 6, 3 / 6, 2 / 6], [2 / 7, 2 / 7, 3 / 7], [3 / 6, 2 / 6, 1 / 6]])
    nll = student.negative_log_likelihood(P, [[0, 1, 2, 0]])
    wanted = -(math.log(3 / 6) + math.log(3 / 7) + math.log(3 / 6)) / 3
    assert_close(nll, wanted, "the mean of -ln P over three pairs")


@pytest.mark.problem("negative_log_likelihood")
def test_nll_of_the_uniform_model(student, rng):
    """Who expects V ids alike is surprised by ln V nats at every step."""
    documents = random_documents(rng, 8, [12, 30])
    nll = student.negative_log_likelihood(torch.full((8, 8), 1 / 8), documents)
    assert_close(nll, math.log(8), "the mean over pairs, in nats (natural logarithm)")


@pytest.mark.problem("negative_log_likelihood")
def test_an_impossible_pair_is_infinitely_surprising(student):
    """-ln 0 is inf; a NaN would poison every average it enters."""
    P = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    nll = student.negative_log_likelihood(P, [[0, 1, 1]])
    assert nll == math.inf, f"a pair of probability 0 occurs: got {nll}, wanted inf"


@pytest.mark.problem("negative_log_likelihood")
def test_nll_of_random_documents(student, rng):
    """The NLL agrees with torch's nll_loss."""
    P, documents = random_P(rng, 6), random_documents(rng, 6, [20, 9])
    nll = student.negative_log_likelihood(P, documents)
    assert_close(nll, mean_nll(P, documents), "the mean of -ln P[a, b] over all pairs")


# --- perplexity ---------------------------------------------------------------------------------


@pytest.mark.problem("perplexity")
def test_perplexity_counts_the_choices(student):
    """ln 27 nats are as surprising as a die with 27 sides."""
    assert_close(student.perplexity(math.log(27)), 27.0, "perplexity = exp(nll), as nll is in nats")


@pytest.mark.problem("perplexity")
def test_perplexity_of_certainty(student):
    """Who is never surprised has one choice."""
    assert_close(student.perplexity(0.0), 1.0, "exp(0) = 1")


# --- ngram_probabilities ------------------------------------------------------------------------


@pytest.mark.problem("ngram_probabilities")
def test_trigrams_of_the_worked_example(student):
    """After "." and "a", the handout's words go on with a or b, once each."""
    P = student.ngram_probabilities(WORDS, 3, 3, 0.0)
    assert P.shape == (3, 3, 3), f"one axis per id: got {tuple(P.shape)}, wanted (3, 3, 3)"
    assert_close(P[0, 1], [0.0, 0.5, 0.5], "P[a, b] is what follows a, then b")


@pytest.mark.problem("ngram_probabilities")
@pytest.mark.parametrize("n", [1, 2, 3])
def test_ngrams_of_random_documents(student, rng, n):
    """The n-gram table is counted and smoothed like the bigram table."""
    documents = random_documents(rng, 4, [30, 1, 14])
    why = "smooth over the last axis: (C + alpha) / (sum C + alpha V)"
    check_ngrams(student, documents, n, 4, 0.5, why)


# --- sample -------------------------------------------------------------------------------------


@pytest.mark.problem("sample")
def test_a_certain_chain_is_followed(student):
    """Where every next id is certain, there is one document, and the boundary ends it."""
    P = torch.tensor([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0]])
    ids = student.sample(P, 0, 10, 1)
    assert_equal(ids, [2, 3, 1], "0 -> 2 -> 3 -> 1 -> 0; the boundary is not part of the document")


@pytest.mark.problem("sample")
def test_a_document_has_at_most_max_length_ids(student):
    """A chain that never returns to the boundary is cut off."""
    P = torch.tensor([[0.0, 1, 0], [0, 0, 1], [0, 1, 0]])
    assert_equal(student.sample(P, 0, 5, 1), [1, 2, 1, 2, 1], "cut off after max_length ids")


@pytest.mark.problem("sample")
def test_the_seed_decides(student, rng):
    """The same seed gives the same document, whatever random numbers were drawn before."""
    first, again = student.run("sample_after_other_draws", random_P(rng, 12), 0, 30, 5)
    assert_equal(again, first, "the same seed gave two documents; draw from a generator of its own")


@pytest.mark.problem("sample")
def test_other_seeds_give_other_documents(student, rng):
    """Forty seeds give many different documents; the likeliest one each time is not a sample."""
    documents = student.run("sample_many", random_P(rng, 12), 0, 30, list(range(40)))
    distinct = len({tuple(document) for document in documents})
    assert distinct > 10, f"40 seeds gave {distinct} different documents; draw, do not take argmax"


# --- softmax_regression_grad --------------------------------------------------------------------


@pytest.mark.problem("softmax_regression_grad")
def test_gradient_at_the_uniform_model(student):
    """At W = 0 the loss is ln V, and the gradient (1/V - onehot) / N."""
    loss, gradient = student.softmax_regression_grad(
        torch.zeros(4, 4), torch.tensor([1, 3]), torch.tensor([0, 2])
    )
    wanted = torch.zeros(4, 4)
    wanted[1], wanted[3] = 0.125, 0.125
    wanted[1, 0] -= 0.5
    wanted[3, 2] -= 0.5
    assert_close(loss, math.log(4), "all V ids are equally probable at W = 0")
    assert_close(gradient, wanted, "(p - onehot(y)) / N in row x")


@pytest.mark.problem("softmax_regression_grad")
def test_gradient_agrees_with_autograd(student, rng):
    """Loss and gradient are those of torch's cross_entropy and autograd."""
    W = torch.randn(6, 6, generator=rng)
    x, y = torch.randperm(6, generator=rng), torch.randint(0, 6, (6,), generator=rng)
    check_gradient(student, W, x, y, "the gradient is (p - onehot(y)) / N, in row x")


# --- train_bigram -------------------------------------------------------------------------------


@pytest.mark.problem("train_bigram")
def test_training_starts_from_the_uniform_model(student):
    """The first loss is ln V: nothing is known yet."""
    _, losses = student.train_bigram(WORDS, 3, 2, 1.0)
    assert_close(losses[0], math.log(3), "W starts at 0, and a loss is measured before its step")


@pytest.mark.problem("train_bigram")
def test_training_is_gradient_descent(student, rng):
    """Five steps are retraced by autograd."""
    check_training(student, random_documents(rng, 5, [30, 12]), 5, 5, 2.0)
