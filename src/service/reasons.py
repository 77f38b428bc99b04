"""Why a job was refused, in words: rules of the policy, and the codes of a refused redemption."""

from consent.objection import Objection
from consent.policy import Policy
from consent.redemption import Fault


def reason(policy: Policy, rule: str) -> Objection:
    """What a rule id of a refused job says. Raises `ValueError` for what is neither rule nor code."""
    return policy.rules[rule] if rule in policy.rules else Fault(rule).objection
