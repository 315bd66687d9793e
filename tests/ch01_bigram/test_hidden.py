"""Hidden tests of ch01_bigram: the public properties at other shapes, seeds, edges and limits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kit.compare import assert_close, assert_equal, raises
from kit.given.names import names
from tests.ch01_bigram.checks import (
    check_counts,
    check_frequencies,
    check_gradient,
    check_ngrams,
    check_probabilities,
    check_training,
    loss_and_grad,
    mean_nll,
    ngram_counts,
    pairs_of,
    random_documents,
    random_P,
    smoothed,
)

# --- vocabulary ---------------------------------------------------------------------------------


@pytest.mark.problem("vocabulary")
def test_vocabulary_of_many_scripts(student):
    """Characters are code points: accents, newlines, capitals and emoji count as themselves."""
    text = "Zoë\r\nzoë\tJosé 🐉 é e\u0301 👩‍🚀"
    wanted = [chr(c) for c in sorted({ord(c) for c in text})]
    assert_equal(student.build_vocab(text), wanted, "no character is folded, stripped or lost")


@pytest.mark.problem("vocabulary")
def test_empty_text(student):
    """An empty text has an empty vocabulary, no ids, and decodes to an empty text."""
    assert_equal(student.build_vocab(""), [], "no characters")
    assert_equal(student.encode("", ["a"]), [], "no ids")
    assert_equal(student.decode([], ["a"]), "", "no characters")


@pytest.mark.problem("vocabulary")
def test_the_given_order_counts(student):
    """Ids are places in the vocabulary that is given: sorted or not, used up or not."""
    vocab = ["n", "z", "c", "b", "a"]
    ids = student.encode("banana", vocab)
    assert_equal(ids, [3, 4, 0, 4, 0, 4], "ids were taken from another vocabulary than the given")
    assert_equal(student.decode([3, 4, 1, 2], vocab), "bazc", "ids are places in the given vocab")
    ids = student.encode("banana", vocab[::-1])
    assert_equal(ids, [1, 0, 4, 0, 4, 0], "another order of the same characters gives other ids")


@pytest.mark.problem("vocabulary")
@pytest.mark.parametrize("text", ["\n a \n", " a.", ".a. "])
def test_both_ends_of_a_text_are_kept(student, text):
    """White space and boundaries at either end are characters like any other."""
    vocab = sorted(set(text))
    assert_equal(student.build_vocab(text), vocab, "a character at an end was stripped")
    assert_equal(student.decode(student.encode(text, vocab), vocab), text, "an end was stripped")


@pytest.mark.problem("vocabulary")
@pytest.mark.parametrize("text", ["x", "ax", "aAa"])
def test_unknown_characters_are_an_error(student, text):
    """A character outside the vocabulary is a ValueError, not a gap or a KeyError."""
    with raises(ValueError, "a character that is not in the vocabulary is an error"):
        student.encode(text, ["a", "b"])


@pytest.mark.problem("vocabulary")
@pytest.mark.parametrize("ids", [[2], [0, -1], [-2]])
def test_ids_out_of_range_are_an_error(student, ids):
    """An id that stands for nothing is a ValueError; a negative one does not count from the end."""
    with raises(ValueError, "an id that stands for nothing is an error"):
        student.decode(ids, ["a", "b"])


# --- bigram_counts ------------------------------------------------------------------------------


@pytest.mark.problem("bigram_counts")
@given(data=st.data())
def test_counts_of_any_documents(student, data):
    """Every pair of every document is counted once, empty and one-id documents among them."""
    V = data.draw(st.integers(1, 6))
    ids = st.lists(st.integers(0, V - 1), max_size=8)
    documents = data.draw(st.lists(ids, max_size=5))
    check_counts(student, documents, V, "each pair inside a document counts once, and no other")


@pytest.mark.problem("bigram_counts")
def test_a_pair_may_occur_often(student):
    """A pair that occurs 999 times counts 999."""
    counts = student.bigram_counts([[1] * 1000], 2)
    assert_equal(counts, [[0, 0], [0, 999]], "repeated pairs were counted once; accumulate them")


@pytest.mark.problem("bigram_counts")
def test_ids_that_never_occur_keep_their_row(student):
    """The table is V by V, also where the largest ids are not in the text."""
    check_counts(student, [[0, 1, 0]], 5, "V is given; do not take it from the ids")


@pytest.mark.problem("bigram_counts")
def test_before_and_after_differ(student):
    """The row is the id before, the column the id after."""
    counts = student.bigram_counts([[0, 1, 2, 3]], 4)
    wanted = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert_equal(counts, wanted, "rows and columns are swapped")


# --- probabilities ------------------------------------------------------------------------------


@pytest.mark.problem("probabilities")
@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0, 7.5])
@pytest.mark.parametrize("V", [2, 11])
def test_probabilities_are_smoothed(student, rng, V, alpha):
    """P = (C + alpha) / (sum C + alpha V), for any alpha and V."""
    counts = torch.randint(0, 6, (V, V), generator=rng) * torch.randint(0, 2, (V, V), generator=rng)
    why = "alpha is added to every cell, so a row's total grows by alpha V"
    check_probabilities(student, counts, alpha, why)


@pytest.mark.problem("probabilities")
def test_lopsided_counts(student):
    """A frequent id before and a rare one after are told apart: rows are normalised, not columns."""
    counts = torch.tensor([[900, 90, 10], [1, 0, 0], [0, 5, 5]])
    check_probabilities(student, counts, 0.5, "columns were normalised; each row must sum to 1")


@pytest.mark.problem("probabilities")
@pytest.mark.parametrize("dtype", [torch.int32, torch.float32, torch.float64])
def test_counts_of_any_dtype(student, dtype):
    """Integer counts are not divided as integers, and float counts are welcome."""
    counts = torch.tensor([[3, 1], [0, 7]], dtype=dtype)
    check_probabilities(student, counts, 0.25, "the dtype of the counts changed the result")


@pytest.mark.problem("probabilities")
@pytest.mark.parametrize(
    "dtype, counts", [(torch.uint8, [[255, 1], [0, 7]]), (torch.float16, [[40000, 40000], [1, 0]])]
)
def test_counts_of_narrow_dtypes(student, dtype, counts):
    """Sums are formed in a dtype that holds them, not in that of the counts."""
    table = torch.tensor(counts, dtype=dtype)
    wanted = smoothed(np.array(counts, dtype=np.int64), 1.0)
    why = "a row's total overflows or rounds in the dtype of the counts"
    assert_close(student.probabilities(table, 1.0), wanted, why)


@pytest.mark.problem("probabilities")
def test_what_was_never_seen_is_impossible_without_smoothing(student):
    """With alpha = 0 an unseen pair has probability 0, exactly."""
    P = student.probabilities(torch.tensor([[5, 0], [0, 2]]), 0.0)
    assert_equal(P, [[1.0, 0.0], [0.0, 1.0]], "a little was added to every cell")


@pytest.mark.problem("probabilities")
def test_large_counts(student):
    """A web-sized corpus has counts beyond 32 bits."""
    counts = torch.tensor([[3 * 2**40, 2**40], [5 * 10**9, 15 * 10**9]])
    check_probabilities(student, counts, 1.0, "counts overflow 32 bits")


@pytest.mark.problem("probabilities")
def test_negative_alpha_is_an_error(student):
    """Taking counts away is no smoothing."""
    with raises(ValueError, "a negative alpha is an error"):
        student.probabilities(torch.ones(2, 2), -0.5)


# --- negative_log_likelihood --------------------------------------------------------------------


@pytest.mark.problem("negative_log_likelihood")
@pytest.mark.parametrize("V", [2, 5, 27])
def test_nll_agrees_with_torch(student, rng, V):
    """Documents of uneven length: the mean is over pairs, not over documents."""
    P, documents = random_P(rng, V), random_documents(rng, V, [2, 60, 0, 1, 3])
    why = "average over all pairs at once, not over documents"
    assert_close(student.negative_log_likelihood(P, documents), mean_nll(P, documents), why)


@pytest.mark.problem("negative_log_likelihood")
def test_nll_of_float64_tables(student, rng):
    """A float64 table is used as it is."""
    P, documents = random_P(rng, 4, torch.float64), random_documents(rng, 4, [50])
    nll = student.negative_log_likelihood(P, documents)
    assert_close(nll, mean_nll(P, documents), "the mean of -ln P[a, b] over all pairs")


@pytest.mark.problem("negative_log_likelihood")
def test_tiny_probabilities_are_not_impossible(student):
    """-ln 1e-30 is 69 nats: nothing is clipped or nudged before the logarithm."""
    P = torch.tensor([[1e-30, 1.0], [0.5, 0.5]])
    nll = student.negative_log_likelihood(P, [[0, 0]])
    assert_close(nll, 30 * math.log(10), "a small constant was added to P, or P was clipped")


@pytest.mark.problem("negative_log_likelihood")
def test_long_documents(student):
    """The product of thousands of probabilities underflows; the sum of their logarithms does not."""
    nll = student.negative_log_likelihood(torch.full((2, 2), 0.5), [[0, 1] * 1500])
    assert_close(nll, math.log(2), "probabilities were multiplied before the logarithm")


@pytest.mark.problem("negative_log_likelihood")
def test_one_impossible_pair_among_many(student):
    """One pair of probability 0 makes the whole text impossible."""
    P = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    nll = student.negative_log_likelihood(P, [[0, 1, 0, 0], [0, 2, 2]])
    assert nll == math.inf, f"a pair of probability 0 occurs: got {nll}, wanted inf"


@pytest.mark.problem("negative_log_likelihood")
def test_pairs_between_documents_are_not_scored(student):
    """The step from one document to the next is nobody's prediction."""
    P = torch.tensor([[0.9, 0.1], [0.1, 0.9]])
    nll = student.negative_log_likelihood(P, [[0, 0], [1, 1], [0, 0]])
    assert_close(nll, -math.log(0.9), "pairs that cross documents were scored")


@pytest.mark.problem("negative_log_likelihood")
@pytest.mark.parametrize("documents", [[], [[]], [[0], [1]]])
def test_nothing_to_average(student, documents):
    """Without a pair there is no mean: a ValueError, not NaN or 0."""
    with raises(ValueError, "a mean over no pairs is an error"):
        student.negative_log_likelihood(torch.full((2, 2), 0.5), documents)


# --- perplexity ---------------------------------------------------------------------------------


@pytest.mark.problem("perplexity")
@given(nll=st.floats(0, 700))
def test_perplexity_is_exp(student, nll):
    """perplexity = exp(nll) in double precision."""
    why = "perplexity = exp(nll), as nll is in nats"
    assert_close(student.perplexity(nll), math.exp(nll), why)


@pytest.mark.problem("perplexity")
@pytest.mark.parametrize("nll", [709.79, 750.0, 1000.0, math.inf])
def test_perplexity_may_be_infinite(student, nll):
    """What does not fit a float is infinite, not an OverflowError."""
    got = student.perplexity(nll)
    assert got == math.inf, f"exp({nll}) does not fit a float: got {got}, wanted inf"


@pytest.mark.problem("perplexity")
@pytest.mark.parametrize("nll", [88.8, 709.7])
def test_perplexity_is_finite_as_long_as_it_fits(student, nll):
    """Up to 709.78 nats, exp fits a float."""
    assert_close(student.perplexity(nll), math.exp(nll), "inf came too early")


# --- ngram_probabilities ------------------------------------------------------------------------


@pytest.mark.problem("ngram_probabilities")
@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_ngrams_of_any_order(student, rng, n, alpha):
    """Orders 1 to 4, with documents too short for a window among them."""
    documents = random_documents(rng, 3, [25, n - 1, 0, n, 7])
    why = "windows of n ids inside a document, normalised over the last axis"
    check_ngrams(student, documents, n, 3, alpha, why)


@pytest.mark.problem("ngram_probabilities")
def test_contexts_never_seen_are_uniform(student):
    """What follows a context that never occurred is anybody's guess: 1/V."""
    P = student.ngram_probabilities([[0, 1, 2]], 3, 3, 0.0)
    assert_close(P[2, 2], [1 / 3] * 3, "an unseen context is uniform, not NaN or 0")
    assert_close(P[0, 1], [0.0, 0.0, 1.0], "a seen context keeps its counts")


@pytest.mark.problem("ngram_probabilities")
def test_no_window_at_all(student):
    """Documents shorter than n leave every context unseen."""
    P = student.ngram_probabilities([[0, 1], []], 3, 2, 0.0)
    assert_close(P, torch.full((2, 2, 2), 0.5), "no window fits, so every row is uniform")


@pytest.mark.problem("ngram_probabilities")
@pytest.mark.parametrize("documents", [[], [[]]])
@pytest.mark.parametrize("n", [1, 2])
def test_no_text_at_all(student, n, documents):
    """Who has read nothing expects anything: 1/V, for single ids too."""
    P = student.ngram_probabilities(documents, n, 4, 0.0)
    assert_close(P, torch.full((4,) * n, 0.25), "no counts at all: every row is uniform")


@pytest.mark.problem("ngram_probabilities")
def test_long_memories_and_large_counts(student):
    """n = 5 works like n = 2, and a window may occur a thousand times."""
    check_ngrams(student, [[0, 1, 1, 0, 1, 1, 0], [1] * 6], 5, 2, 0.5, "any order n works alike")
    check_ngrams(student, [[1] * 1000], 3, 2, 1.0, "a window that repeats counts each time")


@pytest.mark.problem("ngram_probabilities")
@pytest.mark.parametrize("n, alpha", [(0, 1.0), (-1, 1.0), (2, -0.1)])
def test_impossible_orders_are_an_error(student, n, alpha):
    """There is no 0-gram, and no negative smoothing."""
    with raises(ValueError, "n < 1 or a negative alpha is an error"):
        student.ngram_probabilities([[0, 1]], n, 2, alpha)


# --- sample -------------------------------------------------------------------------------------


@pytest.mark.problem("sample")
def test_the_first_id_follows_the_boundary(student, rng):
    """First ids come with the probabilities in the boundary's row (false alarm: 1e-8)."""
    P = random_P(rng, 5)
    P[2] = torch.tensor([0.2, 0.05, 0.3, 0.15, 0.3])  # a row that no other row resembles
    documents = student.run("sample_many", P, 2, 1, list(range(4000)))
    first = [document[0] if document else 2 for document in documents]
    check_frequencies(first, P[2], "the first id is drawn from the row of the boundary")


@pytest.mark.problem("sample")
def test_the_next_id_follows_the_last(student, rng):
    """Later ids come with the probabilities in the row of the one before (false alarm: 1e-8)."""
    P = random_P(rng, 4)
    P[:, 0] = 0.02
    P = P / P.sum(-1, keepdim=True)
    documents = student.run("sample_many", P, 0, 30, list(range(400)))
    for last in range(1, 4):
        # a document shorter than max_length was ended by the boundary, id 0
        ended = [[*d, 0] if len(d) < 30 else d for d in documents]
        after = [b for d in ended for a, b in zip(d, d[1:], strict=False) if a == last]
        check_frequencies(after, P[last], f"what follows id {last} is drawn from its row")


@pytest.mark.problem("sample")
def test_impossible_ids_are_never_drawn(student):
    """An id of probability 0 does not occur."""
    P = torch.tensor([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
    for document in student.run("sample_many", P, 0, 20, list(range(200))):
        pairs = list(zip([0, *document], document, strict=False))
        assert all(a != b for a, b in pairs), f"an impossible pair was drawn: {document}"


@pytest.mark.problem("sample")
def test_any_id_may_be_the_boundary(student):
    """Documents start after `boundary` and end before it, whichever id that is."""
    P = torch.tensor([[0.0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0]])
    assert_equal(student.sample(P, 2, 9, 3), [0, 1, 3], "2 -> 0 -> 1 -> 3 -> 2: the boundary is 2")


@pytest.mark.problem("sample")
def test_an_empty_document(student):
    """Drawing the boundary at once, or allowing no ids, gives an empty document."""
    P = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    assert_equal(student.sample(P, 0, 5, 1), [], "the boundary ends the document at once")
    P = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert_equal(student.sample(P, 0, 0, 1), [], "max_length = 0 leaves no room for an id")


@pytest.mark.problem("sample")
def test_a_long_document(student):
    """max_length is the only limit."""
    P = torch.tensor([[0.0, 1, 0], [0, 0, 1], [0, 1, 0]])
    assert_equal(student.sample(P, 0, 201, 1), [1, 2] * 100 + [1], "the document was cut too early")


# --- softmax_regression_grad --------------------------------------------------------------------


@pytest.mark.problem("softmax_regression_grad")
def test_gradients_at_other_sizes(student, rng):
    """Many more pairs than rows, and one row alone."""
    for V, N in ((2, 90), (17, 300), (1, 3)):
        W = 3 * torch.randn(V, V, generator=rng)
        x, y = torch.randint(0, V, (2, N), generator=rng)
        check_gradient(student, W, x, y, "the mean of (p - onehot(y)), added up by row")


@pytest.mark.problem("softmax_regression_grad")
def test_rows_far_apart(student):
    """Each row has its own maximum: rows of very different size are told apart."""
    W = torch.tensor([[-10_000.0, -10_000.0], [10_000.0, 10_000.0], [0.0, 1.0]])[:, [0, 1, 1]]
    x, y = torch.tensor([0, 1, 2, 0]), torch.tensor([0, 1, 2, 1])
    check_gradient(student, W, x, y, "subtract each row's own maximum", noise=1.2e-3)


@pytest.mark.problem("softmax_regression_grad")
def test_rows_without_pairs_have_no_gradient(student, rng):
    """A row that no pair uses does not move."""
    W = torch.randn(5, 5, generator=rng)
    x, y = torch.tensor([1, 1, 3]), torch.tensor([0, 4, 3])
    _, gradient = student.softmax_regression_grad(W, x, y)
    assert_close(gradient[[0, 2, 4]], torch.zeros(3, 5), "rows that no pair uses have gradient 0")
    assert_close(gradient.double().sum(-1), torch.zeros(5), "p - onehot sums to 0", atol=1e-6)


@pytest.mark.problem("softmax_regression_grad")
@pytest.mark.parametrize("scale", [100.0, 3_000.0])
def test_logits_that_overflow(student, rng, scale):
    """exp(10,000) is inf: the largest logit is subtracted first, and log p is not log(softmax)."""
    W = torch.randn(4, 4, generator=rng).sign() * scale
    x, y = torch.tensor([0, 1, 2, 3, 3]), torch.tensor([1, 0, 3, 2, 0])
    why = "large logits overflow; subtract the row's maximum first"
    check_gradient(student, W, x, y, why, noise=scale * 1.2e-7)  # the spacing of float32 there


# --- train_bigram -------------------------------------------------------------------------------


@pytest.mark.problem("train_bigram")
@pytest.mark.parametrize("rate", [0.5, 5.0])
def test_training_uses_the_learning_rate(student, rng, rate):
    """Two learning rates, both retraced by autograd, over documents of uneven length."""
    check_training(student, random_documents(rng, 6, [3, 40, 2, 17, 1, 0]), 6, 8, rate)


@pytest.mark.problem("train_bigram")
def test_no_steps(student):
    """Who takes no step stays at W = 0, without losses."""
    W, losses = student.train_bigram([[0, 1, 0]], 3, 0, 1.0)
    assert_equal(W, torch.zeros(3, 3), "W is 0 before the first step")
    assert_equal(losses, [], "no steps, no losses")


@pytest.mark.problem("train_bigram")
def test_every_step_is_taken(student, rng):
    """However little, or badly, a step changes the loss: it is taken, and so is the next."""
    documents = random_documents(rng, 4, [40])
    check_training(student, documents, 4, 20, 1e-3)
    check_training(student, documents, 4, 4, 60.0)


@pytest.mark.problem("train_bigram")
def test_enormous_steps(student, rng):
    """Logits of 100,000 and more are no reason for inf or NaN."""
    W, losses = student.train_bigram(random_documents(rng, 4, [40]), 4, 4, 1e6)
    assert W.isfinite().all() and torch.tensor(losses).isfinite().all(), (
        f"a large learning rate makes large logits: got losses {losses}"
    )


@pytest.mark.problem("train_bigram")
def test_training_goes_on_where_it_was(student, rng):
    """The last loss belongs to the W before the last step, not to the final W."""
    documents = random_documents(rng, 4, [60])
    W, losses = student.train_bigram(documents, 4, 12, 1.0)
    final, _ = loss_and_grad(W, *pairs_of(documents))
    assert final < losses[-1] < losses[0], (
        f"losses fall, and the final W is better than the last loss says: "
        f"first {losses[0]:.4f}, last {losses[-1]:.4f}, of the final W {final:.4f}"
    )


@pytest.mark.problem("train_bigram")
@pytest.mark.statistical
def test_gradient_descent_approaches_counting(student):
    """On names, 200 steps come close to the loss that counting reaches (no randomness: no band)."""
    alphabet = ".abcdefghijklmnopqrstuvwxyz"
    documents = [[alphabet.index(c) for c in f".{name}."] for name in names(600)]
    W, losses = student.train_bigram(documents, 27, 200, 40.0)
    best = smoothed(ngram_counts(documents, 2, 27), 0.0)
    floor = mean_nll(torch.from_numpy(best), documents)
    final, _ = loss_and_grad(W, *pairs_of(documents))
    assert floor <= final < floor + 0.08, (
        f"counting reaches {floor:.3f} nats, 200 steps {final:.3f}; wanted within 0.08 above"
    )
