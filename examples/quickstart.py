"""Read a usage log, sum its tokens, and write its valid records to a new file.

python examples/quickstart.py
"""

from pathlib import Path

import usagewire as uw
from usagewire.analysis.summary import Summary

log = Path(__file__).with_name("usage.ndjson")
summary = Summary(by=("month", "model"), kinds=("completions",))

with uw.read(log, on_error="collect") as records:
    kept = list(records)
for record in kept:
    summary.add(record)

for group in summary.groups:
    tokens = group.metrics["input_tokens"] + group.metrics["output_tokens"]
    print(f"{group.key['month']} {group.key['model']}: {tokens:,} tokens")
for rejection in records.rejections:
    print(f"rejected: line {rejection.line}: {rejection.code}")
print(f"valid.ndjson: {uw.write('valid.ndjson', kept)} lines")
