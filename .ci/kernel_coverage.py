"""Line coverage of the kernels alone, from a `.coverage` file of tests that ran with NUMBA_DISABLE_JIT=1.

    python .ci/kernel_coverage.py [--least 98] [--file .coverage]

A kernel is a function with one of the decorators of `eventsim._jit`. What only Python runs, such as the code around
them and what writes LLVM instructions, does not count. Exit status 1 below the least.
"""

import argparse
import ast
import pathlib
import sys

import coverage

DECORATORS = {"kernel", "inner", "inlined", "closed_form"}


def kernel_lines(tree):
    """Return the numbers of the lines of all kernels of a module."""
    lines = set()
    for node in ast.walk(tree):
        names = [getattr(one.func if isinstance(one, ast.Call) else one, "id", None)
                 for one in getattr(node, "decorator_list", [])]
        if DECORATORS & set(names):
            lines.update(range(node.body[0].lineno, node.end_lineno + 1))
    return lines


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--least", type=float, default=98.0, help="percentage (%(default)s)")
    parser.add_argument("--file", default=".coverage")
    options = parser.parse_args()
    record = coverage.Coverage(data_file=options.file)
    record.load()
    every, lacking = 0, 0
    for name in sorted(record.get_data().measured_files()):
        kernels = kernel_lines(ast.parse(pathlib.Path(name).read_text(encoding="utf-8")))
        if kernels:
            _, statements, _, missing, _ = record.analysis2(name)
            missing = sorted(kernels.intersection(missing))
            every, lacking = every + len(kernels.intersection(statements)), lacking + len(missing)
            if missing:
                print(f"{pathlib.Path(name).name}: {len(missing)} lines not run: {', '.join(map(str, missing))}")
    share = 100.0 * (1.0 - lacking / every) if every else 0.0
    print(f"{every} lines of kernels, {share:.2f} % of them run as plain Python (least: {options.least:g} %)")
    sys.exit(share < options.least)


if __name__ == "__main__":
    main()
