"""All mutants; :mod:`tests.test_mutants` proves that each of them is noticed."""

from tests.mutants import (
    budget,
    charge,
    deployment,
    heads,
    noise,
    personal,
    release,
    sampling,
    unknown,
)
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *budget.MUTANTS,
    *charge.MUTANTS,
    *sampling.MUTANTS,
    *noise.MUTANTS,
    *release.MUTANTS,
    *unknown.MUTANTS,
    *deployment.MUTANTS,
    *heads.MUTANTS,
    *personal.MUTANTS,
)
