"""The names of all tests are short enough to read in a list."""

import ast
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 60
MEDIAN = 40


def test_names_of_tests_are_short():
    files = [
        file
        for package in ("libs/*", "*-service", "gateway", "tests")
        for file in ROOT.glob(f"{package}/**/test_*.py")
        if "node_modules" not in file.parts
    ]
    names = [
        f"{file.relative_to(ROOT)}::{node.name}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    lengths = [len(name.partition("::")[2]) for name in names]
    long = [name for name, length in zip(names, lengths, strict=True) if length > LONGEST]
    assert len(names) > 1000
    assert long == []
    assert median(lengths) <= MEDIAN
