"""NDJSON to a list of records."""

from __future__ import annotations

import gc
from typing import Any, cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import answers, peers
from benchmarks.workloads import Workload


def test_decode(benchmark: BenchmarkFixture, workload: Workload, turn: int, peer: str) -> None:
    """Time one round of one peer. Its answer is compared with ours before the first round."""
    subject = peers.load(peer)
    try:
        decode = subject.decoder(workload.kind)
    except peers.NotSupported as reason:
        pytest.skip(str(reason))
    if turn == 0:
        answers.check_decoding(subject, workload)
    decode(workload.head)
    gc.collect()
    records = cast("Any", benchmark).pedantic(decode, args=(workload.data,))
    assert len(records) == workload.data.count(b"\n")
    benchmark.extra_info.update(workload=workload.name, turn=turn, peer=peer, way="decode")
