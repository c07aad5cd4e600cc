"""Proof that the C extension says what the reference says, and that its memory is in order.

A folder holds one kind of proof; make targets run them, and each prints in its last line what it did:

- `fuzz`: random lines and records on both paths (`make fuzz`, `make libfuzzer`)
- `hostile`: classes that run code where other classes run none (`make hostile`)
- `memory`: leaks, lack of memory, a debug build of Python, what sanitizers and valgrind pass over
  (`make leaks`, `make oom`, `make debug-python`, `make sanitize`, `make valgrind`)
- `mutants`: faults planted in the C text, which the tests find (`make mutants`)
- `coverage`: branches of the C text (`make coverage-c`)
- `support`: what these share

Nothing here is installed.
"""
