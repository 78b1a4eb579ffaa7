"""Labels, their probabilities and their weights."""

import numpy as np
import pytest
from scipy.special import log_expit, log_softmax
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.multioutput import ClassifierChain
from sklearn.naive_bayes import GaussianNB

from plainnet.sklearn import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)


def with_sums(outputs, dtype):
    """A classifier without hidden layers whose sums z are its inputs, as many as outputs."""
    rows = np.eye(outputs, dtype=dtype)[np.arange(9) % outputs] if outputs > 1 else np.zeros((9, 1), dtype)
    labels = np.arange(9) % max(outputs, 2)
    model = MLPClassifier((), max_iter=1, random_state=0).fit(rows, labels)
    model.coefs_, model.intercepts_ = [np.eye(outputs)], [np.zeros(outputs)]
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_probabilities_of_two_classes_are_exact_however_sure_they_are(dtype):
    z = np.array([[-800.0], [-80], [-20], [0], [20], [80], [800]], dtype)
    model = with_sums(1, dtype)
    expected = log_expit(z.astype(float) * [[-1, 1]])
    rtol = 1e-6 if dtype == "float32" else 1e-12
    tiny = np.finfo(dtype).smallest_subnormal
    np.testing.assert_allclose(model.predict_log_proba(z), expected, rtol=rtol, atol=tiny)
    np.testing.assert_allclose(model.predict_proba(z), np.exp(expected), rtol=10 * rtol, atol=10 * tiny)
    assert (np.diff(model.predict_proba(z[3:6])[:, 0]) < 0).all()  # the order of the sums, without ties


def test_log_probabilities_of_three_classes_and_of_several_labels_are_finite():
    z = np.array([[800.0, 0, -800], [1, 2, 3]])
    np.testing.assert_allclose(with_sums(3, float).predict_log_proba(z), log_softmax(z, axis=1), rtol=1e-12)
    labels = np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    several = MLPClassifier((), max_iter=1, random_state=0).fit(labels * 1.0, labels)
    several.coefs_, several.intercepts_ = [np.eye(2)], [np.zeros(2)]
    z = np.array([[-800.0, 800], [1, -2]])
    np.testing.assert_allclose(several.predict_log_proba(z), log_expit(z), rtol=1e-12)


def test_one_class_has_one_column_of_ones():
    model = MLPClassifier(max_iter=5, random_state=0).fit(X, np.full(150, "only"))
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((150, 1)))
    np.testing.assert_array_equal(model.predict_log_proba(X), np.zeros((150, 1)))
    assert set(model.predict(X)) == {"only"}
    assert model.score(X, np.full(150, "only")) == 1


@pytest.mark.filterwarnings("ignore:Number of classes in training fold:RuntimeWarning")
def test_folds_of_one_class_give_their_column_of_probabilities():
    rows = slice(50, 150)
    got, known = (
        cross_val_predict(one, X[rows], Y[rows], cv=KFold(2), method="predict_proba")
        for one in (MLPClassifier(max_iter=5, random_state=0), GaussianNB())
    )
    np.testing.assert_array_equal(got, known)  # 1 for the only class of the fold, as a model that knows one class says


def test_a_label_that_never_occurs_is_not_predicted_in_a_chain():
    labels = np.c_[Y > 0, np.zeros(150, bool)]
    chain = ClassifierChain(MLPClassifier(max_iter=5, random_state=0)).fit(X, labels)
    assert not chain.predict(X)[:, 1].any()


# ---- class weights ----


def test_a_chunk_without_a_weighted_class_is_trained_on():
    settings = {"class_weight": {0: 5.0}, "random_state": 0}
    SGDClassifier(class_weight={0: 5.0}).partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X[60:], Y[60:])
    model = MLPClassifier(**settings).partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X[60:], Y[60:])
    by_hand = MLPClassifier(random_state=0)
    by_hand.partial_fit(X, Y, np.where(Y == 0, 5.0, 1.0), classes=[0, 1, 2])
    by_hand.partial_fit(X[60:], Y[60:], np.ones(90))
    np.testing.assert_array_equal(model.network_.parameters, by_hand.network_.parameters)


def test_balanced_weights_are_refused_by_partial_fit_as_sgd_classifier_refuses_them():
    for classifier in (SGDClassifier, MLPClassifier):
        with pytest.raises(ValueError, match="class_weight 'balanced' is not supported for partial_fit"):
            classifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


def test_class_weights_of_several_labels_multiply():
    XM, YM = make_multilabel_classification(80, 5, n_classes=3, random_state=0)
    weights = [{0: 1.0, 1: 4.0}, {0: 2.0, 1: 1.0}, {0: 1.0, 1: 0.5}]
    by_hand = np.prod([np.where(YM[:, k] == 1, table[1], table[0]) for k, table in enumerate(weights)], axis=0)
    model = MLPClassifier(max_iter=5, random_state=0, class_weight=weights).fit(XM, YM)
    expected = MLPClassifier(max_iter=5, random_state=0).fit(XM, YM, by_hand)
    np.testing.assert_allclose(model.network_.parameters, expected.network_.parameters, rtol=1e-10)


@pytest.mark.parametrize(
    ("class_weight", "y", "naming"),
    [
        ({0: 1.0}, np.c_[Y > 0, Y > 1], "class_weight is .*; it takes a list with a dict"),
        ([{0: 1.0, 1: 2.0}], np.c_[Y > 0, Y > 1], "class_weight has 1 dicts and y 2 labels"),
        ([{0: 1.0}], Y, "class_weight is .*; it takes a dict"),
        ({7: 1.0}, Y, "class_weight"),
        ({0: -1.0}, Y, r"class_weight\[0\] is -1.0"),
        ({0: "a"}, Y, r"class_weight\[0\] is 'a'"),
        ({0: 0, 1: 0, 2: 0}, Y, "class_weight and sample_weight give all rows weight 0"),
    ],
)
def test_class_weights_that_do_not_fit_are_refused(class_weight, y, naming):
    with pytest.raises((ValueError, TypeError), match=naming):
        MLPClassifier(class_weight=class_weight).fit(X, y)


# ---- labels of partial_fit and of a warm start ----

XM, YM = make_multilabel_classification(60, 5, n_classes=4, random_state=0)


def test_classes_of_several_labels_are_one_for_each_column():
    with pytest.raises(ValueError, match="classes has 7 labels and y 4 columns"):
        MLPClassifier().partial_fit(XM, YM, classes=np.arange(7))
    model = MLPClassifier(random_state=0).partial_fit(XM, YM, classes=np.arange(4))
    with pytest.raises(ValueError, match="classes has 3 labels"):
        model.partial_fit(XM, YM, classes=np.arange(3))
    assert model.partial_fit(XM, YM, classes=np.arange(4)).predict(XM).shape == (60, 4)


@pytest.mark.parametrize("other", [None, 1, 2.5, float("nan")])
def test_text_among_other_labels_is_refused_with_its_place(other):
    labels = np.array(["a", "b", other, "a"], object)
    with pytest.raises((TypeError, ValueError), match=r"y holds .* at row 2|contains NaN"):
        MLPClassifier().fit(np.eye(4), labels)


def test_labels_of_another_kind_are_refused():
    model = MLPClassifier(max_iter=2, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match="another kind of labels"):
        model.fit(X, np.eye(3, dtype=int)[Y])


def test_warm_start_has_no_part_in_partial_fit():
    steps = []
    for warm_start in (False, True):
        model = MLPClassifier(warm_start=warm_start, random_state=0)
        model.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X[:50], Y[:50])
        steps.append(model.network_.parameters)
    np.testing.assert_array_equal(*steps)


def test_many_classes_take_no_table_of_rows_by_classes():
    import tracemalloc

    rows, classes = 6000, 1500
    y = np.arange(rows) % classes
    model = MLPClassifier(hidden_layer_sizes=2, batch_size=50, max_iter=1, random_state=0)
    model.fit(np.zeros((100, 1), np.float32), y[:100])  # what a process does once is not what is measured
    tracemalloc.start()
    model.fit(np.zeros((rows, 1), np.float32), y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < rows * classes  # bytes: an eighth of a table of int64
