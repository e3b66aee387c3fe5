"""All mutants; :mod:`tests.test_mutants` proves that each of them is noticed."""

from tests.mutants import (
    budget,
    charge,
    custodian,
    deployment,
    heads,
    hostile,
    ledger,
    neighbours,
    noise,
    owner,
    personal,
    release,
    sampling,
    transfer,
    unknown,
)
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *budget.MUTANTS,
    *charge.MUTANTS,
    *ledger.MUTANTS,
    *custodian.MUTANTS,
    *sampling.MUTANTS,
    *noise.MUTANTS,
    *owner.MUTANTS,
    *release.MUTANTS,
    *unknown.MUTANTS,
    *deployment.MUTANTS,
    *heads.MUTANTS,
    *personal.MUTANTS,
    *transfer.MUTANTS,
    *neighbours.MUTANTS,
    *hostile.MUTANTS,
)
