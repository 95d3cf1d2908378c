"""Readers of files return what they read or raise one sentence, for any bytes.

`python tools/fuzz.py --minutes 10` tries more of the same, with other seeds.
"""

import numpy as np
import pytest
from fuzzing import CORPUS, TARGETS, Fuzzer, Target

INPUTS = 300


@pytest.mark.parametrize("name", TARGETS)
def test_mutants_are_read_or_refused(name, tmp_path):
    fuzzer = Fuzzer(name, tmp_path)
    fuzzer.run(INPUTS)
    assert fuzzer.findings == {}
    assert fuzzer.tried == INPUTS
    assert len(fuzzer.outcomes) > 5, "the mutants do not get far"
    assert 0 < fuzzer.outcomes["read"] < INPUTS


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_read_or_refused(name, tmp_path):
    """Its files are seeds or earlier findings."""
    fuzzer = Fuzzer(name, tmp_path)
    for data in [*fuzzer.seeds, *(path.read_bytes() for path in (CORPUS / name).iterdir())]:
        fuzzer.attempt(data)
    assert fuzzer.findings == {}
    assert fuzzer.outcomes["read"] > 0


def test_a_seed_gives_the_same_inputs(tmp_path):
    first, second = (Fuzzer("csv", tmp_path, seed=5) for _ in range(2))
    first.run(50)
    second.run(50)
    assert first.outcomes == second.outcomes and first.pool == second.pool


def refuse(sentence):
    raise ValueError(sentence)


FAULTS = {
    "another exception": lambda path: {}["x"],
    "two lines": lambda path: refuse("one\ntwo"),
    "no sentence": lambda path: refuse("x" * 3000),
    "a warning": lambda path: np.log(np.zeros(1)),
    "too much memory": lambda path: bytearray(1 << 24),
    "not finite": lambda path: float("nan"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_a_reader_are_found(fault, tmp_path):
    def check(value):
        assert not isinstance(value, float)

    fuzzer = Fuzzer("csv", tmp_path)
    fuzzer.target = Target(".csv", FAULTS[fault], check, None)
    fuzzer.attempt(b"a,b\n1,2\n")
    assert list(fuzzer.findings) == [b"a,b\n1,2\n"]
