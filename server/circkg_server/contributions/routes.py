"""All routes of validation and contributions, and what runs behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter

from circkg_server.contributions import api, itb_api, pages, validate_api
from circkg_server.contributions.jobs import shapes
from circkg_server.contributions.service import Contributions
from circkg_server.contributions.settings import ContributionSettings, ValidateSettings
from circkg_server.contributions.uploads import Uploads
from circkg_server.contributions.validation import Validation
from circkg_server.operations.space import FreeSpace
from circkg_server.releases.archive import Archive
from circkg_server.writes.tokens import Tokens
from circkg_shapes.forms import forms


class ContributionRoutes:
    """The routes, and the life of what they use.

    :param tokens: who may contribute; ``None``: nobody may, but validation is there.
    :raises SettingsError: if a setting cannot be used.
    """

    def __init__(self, archive: Archive, tokens: Tokens | None, space: FreeSpace) -> None:
        validating = ValidateSettings.from_environment()
        uploads = Uploads(validating.max_bytes, validating.upload_timeout, validating.uploads)
        self._service = Contributions(archive, validating, ContributionSettings.from_environment())
        office = api.Office(self._service, tokens, uploads, space)
        validation = Validation(
            archive.folder, self._service.staging, self._service.desk, validating, uploads
        )  # fmt: skip
        self.router = APIRouter()
        self.router.include_router(validate_api.build_router(validation))
        self.router.include_router(itb_api.build_router(validation))
        self.router.include_router(api.build_router(office))
        self.router.include_router(pages.build_router(office, forms(shapes().triples)))

    @asynccontextmanager
    async def life(self) -> AsyncIterator[None]:
        """Judge what comes while this is held."""
        await self._service.start()
        try:
            yield
        finally:
            await self._service.close()
