"""The policy this repository ships, and its cases."""

from pathlib import Path

from consent.casebook import read
from consent.policy import load

FOLDER = Path(__file__).parent.parent.parent / "policies"
POLICY = load(FOLDER)
CASES = read(FOLDER, POLICY)
