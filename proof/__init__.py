"""Proof that the C extension agrees with the reference, and that its memory is in order.

Each folder holds one kind of proof. Make targets run them, and each prints its result in the last line:

- `fuzz`: random lines and records by both paths (`make fuzz`, `make libfuzzer`)
- `hostile`: classes with code in special methods (`make hostile`)
- `memory`: leaks, lack of memory, a debug build of Python, and suppressions for sanitizers and valgrind
  (`make leaks`, `make oom`, `make debug-python`, `make sanitize`, `make valgrind`)
- `mutants`: faults in the C text that the tests must find (`make mutants`)
- `coverage`: branches of the C text (`make coverage-c`)
- `support`: shared code

The package does not install any of them.
"""
