"""A list of records to NDJSON."""

from __future__ import annotations

import gc
from typing import Any, cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import answers, peers
from benchmarks.workloads import Workload


def test_encode(benchmark: BenchmarkFixture, workload: Workload, turn: int, peer: str) -> None:
    """Time one round of one peer, which encodes the records that it decoded."""
    subject = peers.load(peer)
    try:
        encode = subject.encoder(workload.kind)
    except peers.NotSupported as reason:
        pytest.skip(str(reason))
    if turn == 0:
        answers.check_encoding(subject, workload)
    decode = subject.decoder(workload.kind)
    encode(decode(workload.head))
    records = decode(workload.data)
    gc.collect()
    text = cast("Any", benchmark).pedantic(encode, args=(records,))
    assert text.count(b"\n") == len(records)
    benchmark.extra_info.update(workload=workload.name, turn=turn, peer=peer, way="encode")
