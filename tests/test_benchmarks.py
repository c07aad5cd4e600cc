import pytest

for library in ("mashumaro", "msgspec", "pydantic", "pytest_benchmark"):
    pytest.importorskip(library, reason=f"the bench extra, which brings {library}, is absent")

from benchmarks import answers, peers, workloads  # noqa: E402 -- they import these libraries

ROWS = 140

UNSUPPORTED = {
    ("msgspec_attrs", "completions", "encoding"),
    ("msgspec_attrs", "mixed", "decoding"),
    ("msgspec_attrs", "mixed", "encoding"),
    ("msgspec_attrs", "pages", "decoding"),
    ("msgspec_attrs", "pages", "encoding"),
}


@pytest.mark.parametrize("way", ["decoding", "encoding"])
@pytest.mark.parametrize("workload", workloads.WORKLOADS)
@pytest.mark.parametrize("peer", peers.PEERS)
def test_peer_gives_our_answer(peer: str, workload: str, way: str) -> None:
    """What is timed gives equal records, and what a peer cannot do it refuses."""
    check = {"decoding": answers.check_decoding, "encoding": answers.check_encoding}[way]
    data = workloads.WORKLOADS[workload](ROWS)
    if (peer, workload, way) in UNSUPPORTED:
        with pytest.raises(peers.NotSupported):
            check(peers.load(peer), data)
    else:
        check(peers.load(peer), data)


@pytest.mark.parametrize("workload", workloads.WORKLOADS)
def test_workload_repeats(workload: str) -> None:
    """A workload is the same in every process, and has as many rows as it says."""
    first, second = (workloads.WORKLOADS[workload](ROWS) for _ in range(2))
    assert first == second
    assert first.data.count(b'.result"') == first.rows == ROWS
