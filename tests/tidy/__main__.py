"""`python -m tests.tidy`: print what is found, end with 1 if anything is."""

import sys
from pathlib import Path

from tests.tidy.house import check_house
from tests.tidy.tree import Tree

findings = check_house(Tree(Path(__file__).resolve().parents[2]))
for finding in findings:
    print(finding)
sys.exit(1 if findings else 0)
