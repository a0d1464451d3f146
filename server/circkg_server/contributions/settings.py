"""Settings of the validation service and of contributions."""

from __future__ import annotations

from dataclasses import dataclass

from circkg_server.settings import MIB, FromVariables, SettingsError


@dataclass(frozen=True, slots=True)
class ValidateSettings(FromVariables):
    """Each is read from its name in capitals after ``CIRCKG_VALIDATE_``."""

    prefix = "CIRCKG_VALIDATE_"

    timeout: float = 60.0
    """seconds that judging one upload may take"""
    memory: int = 2048 * MIB
    """bytes by which the process that judges may grow"""
    max_bytes: int = 50 * MIB
    """longest upload"""
    concurrency: int = 2
    """uploads judged at once"""
    queue: int = 8
    """uploads that may wait to be judged; more are told to come back"""
    per_client: int = 4
    """uploads of one client that may be judged or wait, so that nobody takes all places"""
    upload_timeout: float = 120.0
    """seconds in which an upload must have arrived"""
    uploads: int = 32
    """uploads that may be arriving at once"""

    def __post_init__(self) -> None:
        """Check the values."""
        if self.concurrency < 1 or self.uploads < 1:
            raise SettingsError("CIRCKG_VALIDATE_CONCURRENCY and CIRCKG_VALIDATE_UPLOADS take a number of at least 1.")


@dataclass(frozen=True, slots=True)
class ContributionSettings(FromVariables):
    """Each is read from its name in capitals after ``CIRCKG_CONTRIBUTION_``."""

    prefix = "CIRCKG_CONTRIBUTION_"

    open: int = 20
    """contributions of one token that may wait for a decision"""
    token_bytes: int = 512 * MIB
    """bytes of these together"""
    total_bytes: int = 4096 * MIB
    """bytes of all contributions that are kept"""
    timeout: float = 900.0
    """seconds that judging and comparing one contribution may take"""
