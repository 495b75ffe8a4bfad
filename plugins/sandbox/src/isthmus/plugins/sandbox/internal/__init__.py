"""A service of the enterprise's own: badges and access to buildings, known by its OpenAPI document."""

from .service import AccessService

__all__ = ["AccessService"]
